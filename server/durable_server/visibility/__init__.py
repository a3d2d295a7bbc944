"""Which runs are asked for: the query language, its types, and what is indexed of a run.

Values only. `grammar.parse` reads a text, `check.bind` gives it the types of a namespace, and
`store.visibility` asks the database.
"""
