"""The manifests are what Kubernetes takes, in order, and as safe as the image allows."""

from typing import Any

import kubernetes_validate
import pytest
import yaml
from durable_server import config

from tests.deploy import images

# The founding order, and what may be applied after it.
FILES = (
    *("namespace", "secret", "migration-job", "server-deployment", "worker-deployment"),
    *("autoscaling", "network-policy"),
)
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


def test_every_manifest_is_in_the_list_and_on_the_page_in_this_order() -> None:
    page = (images.ROOT / "docs" / "kubernetes.md").read_text()
    applied = [
        line.split("/")[-1] for line in page.splitlines() if line.startswith("kubectl apply")
    ]

    assert {path.stem for path in (images.ROOT / "k8s").iterdir()} == set(FILES)
    assert applied[: len(FILES)] == [f"{name}.yaml" for name in FILES]


def named(kind: str) -> dict[str, dict[str, Any]]:
    return {each["metadata"]["name"]: each for each in DOCUMENTS if each["kind"] == kind}


def test_what_scales_protects_and_leads_to_pods_finds_them() -> None:
    pods = {name: each["spec"]["template"] for name, each in named("Deployment").items()}
    (scaled,) = named("HorizontalPodAutoscaler").values()
    deployment = named("Deployment")[scaled["spec"]["scaleTargetRef"]["name"]]

    assert set(named("PodDisruptionBudget")) == set(pods)
    for name, budget in named("PodDisruptionBudget").items():
        assert budget["spec"]["selector"]["matchLabels"] == pods[name]["metadata"]["labels"]
        assert budget["spec"]["minAvailable"] < named("Deployment")[name]["spec"]["replicas"]
    assert scaled["spec"]["minReplicas"] == deployment["spec"]["replicas"]
    # A share of what is asked for needs something that is asked for.
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["resources"]["requests"]["cpu"]


def test_policies_name_pods_and_ports_that_there_are() -> None:
    templates = [
        each["spec"]["template"] for each in DOCUMENTS if "template" in each.get("spec", {})
    ]
    labels = {each["metadata"]["labels"]["app"] for each in templates}
    ports = {port["name"] for each in CONTAINERS for port in each.get("ports", [])}
    chosen: set[str] = set()
    for policy in named("NetworkPolicy").values():
        selector = policy["spec"]["podSelector"]
        chosen |= set(selector.get("matchLabels", {}).values())
        chosen |= {
            value for each in selector.get("matchExpressions", []) for value in each["values"]
        }
        for rule in policy["spec"].get("ingress", []):
            assert {each["port"] for each in rule["ports"]} <= ports

    assert chosen == labels


@pytest.mark.parametrize("name", sorted(named("Deployment")))
def test_a_deployment_is_watched_from_its_start(name: str) -> None:
    (container,) = named("Deployment")[name]["spec"]["template"]["spec"]["containers"]
    ports = {port["name"] for port in container["ports"]}

    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"]["port"] in ports
    assert "/api/ready" not in container["livenessProbe"]["httpGet"]["path"]


def test_every_variable_is_a_setting() -> None:
    secret = next(each for each in DOCUMENTS if each["kind"] == "Secret")
    given = {each["name"] for container in CONTAINERS for each in container.get("env", [])}

    assert given | set(secret["stringData"]) <= {row.name for row in config.table()}
