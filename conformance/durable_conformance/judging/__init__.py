"""Says in what a request or an answer breaks the contract, whoever sent it."""
