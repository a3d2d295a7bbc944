"""The manifests are what Kubernetes takes, in order, and as safe as the image allows."""

from typing import Any

import kubernetes_validate
import pytest
import yaml
from durable_server import config

from tests.deploy import images

FILES = ("namespace", "secret", "migration-job", "server-deployment", "worker-deployment")
DOCUMENTS: list[dict[str, Any]] = [
    document
    for name in FILES
    for document in yaml.safe_load_all((images.ROOT / "k8s" / f"{name}.yaml").read_text())
]
PODS = [
    each["spec"]["template"]["spec"] for each in DOCUMENTS if "template" in each.get("spec", {})
]
CONTAINERS = [container for pod in PODS for container in pod["containers"]]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda each: each["kind"])
def test_a_manifest_is_valid(document: dict[str, Any]) -> None:
    kubernetes_validate.validate(document, "1.31", strict=True)


def test_everything_lives_in_the_namespace_that_comes_first() -> None:
    first, *others = DOCUMENTS

    assert first["kind"] == "Namespace"
    assert {each["metadata"]["namespace"] for each in others} == {first["metadata"]["name"]}


def test_the_commands_are_those_of_the_image() -> None:
    commands = [container["command"] for container in CONTAINERS]

    assert commands == [
        ["server-bootstrap"],
        ["durable-server", "serve"],
        ["durable-server", "maintain"],
    ]


@pytest.mark.parametrize("pod", PODS, ids=lambda pod: pod["containers"][0]["name"])
def test_a_pod_has_no_more_rights_than_it_needs(pod: dict[str, Any]) -> None:
    (container,) = pod["containers"]

    assert pod["securityContext"]["runAsNonRoot"] is True
    assert f"{pod['securityContext']['runAsUser']}:10001" == images.given("USER")[-1]
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["resources"]["requests"] and container["resources"]["limits"]["memory"]


def test_every_variable_is_a_setting() -> None:
    secret = next(each for each in DOCUMENTS if each["kind"] == "Secret")
    given = {each["name"] for container in CONTAINERS for each in container.get("env", [])}

    assert given | set(secret["stringData"]) <= {row.name for row in config.table()}
