// A server of the protocol as somebody else might begin one: the core of the control plane and of
// the worker plane, in memory, with nothing but Node's standard library. It claims only what it
// does; the suite says what is missing.
//
//   node server.mjs [port]      prints the address once it listens

import { createServer } from "node:http";
import { randomUUID } from "node:crypto";

const CONTROL = "x-durable-workflow-control-plane-version";
const WORKER = "x-durable-workflow-protocol-version";
const LEASE_SECONDS = 60;
const BODY_BYTES_MAX = 2 * 1024 * 1024;
const COMMANDS = ["complete_workflow", "fail_workflow"];
const CAPABILITIES = {
  long_poll_timeout: 30,
  supported_workflow_task_commands: COMMANDS,
  workflow_task_poll_request_idempotency: false,
  history_page_size_default: 1000,
  history_page_size_max: 1000,
  response_compression: [],
};
const RESPONSE = {
  list: [[], []],
  start: [[], ["workflow_id", "outcome"]],
  describe: [["workflow_id"], []],
  describe_run: [["workflow_id"], ["run_id"]],
  list_runs: [["workflow_id"], []],
  history: [["workflow_id", "run_id"], ["next_page_token"]],
};
const PROJECTED = [
  "run_id", "workflow_type", "namespace", "business_key", "status", "status_bucket", "is_terminal",
  "task_queue", "run_number", "run_count", "workflow_count", "is_current_run", "compatibility",
  "started_at", "closed_at", "last_progress_at", "wait_kind", "wait_reason", "next_page_token",
  "outcome", "reason", "message",
];
const CONTRACT = {
  schema: "durable-workflow.v2.control-plane-response.contract",
  version: 1,
  legacy_field_policy: "reject_non_canonical",
  legacy_fields: {
    query: "query_name", signal: "signal_name", update: "update_name", wait_policy: "wait_for",
  },
};
const NO_REASON = Object.fromEntries([
  "workflow_wait_kind", "open_wait_id", "resume_source_kind", "resume_source_id",
  "workflow_update_id", "workflow_signal_id", "signal_name", "signal_wait_id",
  "workflow_command_id", "activity_execution_id", "activity_attempt_id", "activity_type",
  "child_call_id", "child_workflow_run_id", "workflow_sequence", "workflow_event_type", "timer_id",
  "condition_wait_id", "condition_key", "condition_definition_fingerprint",
].map((name) => [name, null]));

const REMOVED = [
  "workflow_execution_timeout", "workflow_run_timeout", "workflow_task_timeout", "retry_policy",
  "idempotency_key", "request_id",
];

const namespaces = new Map();
const workflows = new Map();
const workers = new Map();
const tasks = new Map();
let parked = [];

const now = () => new Date().toISOString().replace("Z", "000Z");
const inSeconds = (at) => at && at.slice(0, 19) + "+00:00";
const keyOf = (namespace, id) => JSON.stringify([namespace, id]);

class Refusal extends Error {
  constructor(status, reason, message, facts = {}) {
    super(message);
    Object.assign(this, { status, body: { message, reason, ...facts } });
  }
}

const invalid = (errors) =>
  new Refusal(422, "validation_failed", "The request is invalid.", {
    errors, validation_errors: errors,
  });

function addNamespace(name, description, retention_days) {
  const at = inSeconds(now());
  const made = {
    name, description, retention_days, status: "active", external_payload_storage: null,
    created_at: at, updated_at: at,
  };
  namespaces.set(name, made);
  return made;
}
addNamespace("default", "Default namespace", 30);

// --- runs -----------------------------------------------------------------------------------

function record(run, event_type, payload) {
  const at = now();
  run.events.push({ sequence: run.events.length + 1, event_type, timestamp: at, payload });
  run.last_progress_at = at;
}

function start(call) {
  const body = call.body;
  const errors = {};
  const want = (name, good, text) => good || (errors[name] = [text]);
  const id = body.workflow_id ?? randomUUID();
  want("workflow_type", typeof body.workflow_type === "string" && body.workflow_type !== "",
    "The workflow type field is required.");
  want("workflow_id", typeof id === "string" && /^[A-Za-z0-9._:-]{1,128}$/.test(id),
    "The workflow id field is invalid.");
  const policy = body.duplicate_policy ?? "fail";
  want("duplicate_policy", ["fail", "use-existing"].includes(policy),
    'The duplicate policy is "fail" or "use-existing".');
  want("input", body.input === undefined || body.input === null || typeof body.input === "object",
    "The input field is a list or an envelope.");
  for (const name of REMOVED) want(name, !(name in body), `The ${name} field is not supported.`);
  want("input.codec", !body.input?.codec || ["avro", "json"].includes(body.input.codec),
    "The codec is not known.");
  if (Object.keys(errors).length) throw invalid(errors);
  const known = workflows.get(keyOf(call.namespace, id));
  if (known) return startAgain(known, policy, body.workflow_type);
  const run = newRun(call.namespace, id, body);
  workflows.set(keyOf(call.namespace, id), run);
  offer(run);
  return [201, { ...ids(run), outcome: "started_new" }];
}

function startAgain(run, policy, type) {
  if (run.workflow_type !== type) {
    throw invalid({ workflow_type: ["The workflow id belongs to another type."] });
  }
  if (policy === "use-existing" && !run.closed_at) {
    return [200, { ...ids(run), outcome: "returned_existing_active" }];
  }
  throw new Refusal(409, "duplicate_not_allowed", "The workflow id is taken.", {
    ...ids(run), outcome: "rejected_duplicate",
  });
}

function newRun(namespace, workflow_id, body) {
  const given = body.input ?? [];
  const plain = Array.isArray(given);
  const run = {
    namespace, workflow_id, run_id: randomUUID(), workflow_type: body.workflow_type,
    task_queue: body.task_queue ?? "default", business_key: body.business_key ?? null,
    memo: body.memo ?? {}, search_attributes: body.search_attributes ?? {}, status: "pending",
    closed_reason: null, started_at: now(), closed_at: null, last_progress_at: null, events: [],
    input: plain ? { codec: "json", blob: JSON.stringify(given) } : given, output: null,
  };
  const about = {
    workflow_class: run.workflow_type, workflow_type: run.workflow_type,
    workflow_instance_id: workflow_id, workflow_run_id: run.run_id,
  };
  const command = {
    id: randomUUID(), sequence: 1, type: "start", target_scope: "instance",
    resolved_run_id: run.run_id, payload_codec: run.input.codec, source: "control_plane",
    status: "accepted", outcome: "started_new", accepted_at: now(), applied_at: now(),
  };
  record(run, "StartAccepted", {
    workflow_command_id: command.id, ...about, business_key: run.business_key,
    visibility_labels: null, memo: run.memo, search_attributes: body.search_attributes ?? null,
    outcome: "started_new", command,
  });
  record(run, "WorkflowStarted", {
    ...about, timestamp: now(), payload_codec: run.input.codec, workflow_command_id: command.id,
  });
  return run;
}

const ids = (run) => ({
  workflow_id: run.workflow_id, run_id: run.run_id, workflow_type: run.workflow_type,
  namespace: run.namespace, status: run.status, business_key: run.business_key,
  payload_codec: run.input.codec,
});

const bucketOf = (run) => (run.closed_at ? run.status : "running");

const listed = (run) => ({
  ...ids(run), status_bucket: bucketOf(run), task_queue: run.task_queue, run_number: 1,
  is_terminal: run.closed_at !== null, started_at: run.started_at, closed_at: run.closed_at,
  memo: run.memo, search_attributes: run.search_attributes,
});

function described(run) {
  const open = run.closed_at === null;
  const can = ["signal", "query", "update", "cancel", "terminate", "repair", "archive"];
  return {
    ...listed(run), closed_reason: run.closed_reason, run_count: 1, is_current_run: true,
    compatibility: null, execution_timeout_seconds: null, run_timeout_seconds: null,
    execution_deadline_at: null, run_deadline_at: null, input: decode(run.input),
    output: decode(run.output), input_envelope: run.input, output_envelope: run.output,
    last_progress_at: inSeconds(run.last_progress_at),
    wait_kind: open ? "workflow-task" : null, wait_reason: open ? "Workflow task ready" : null,
    // Nothing of this is offered here, so nothing of it may be asked for.
    actions: Object.fromEntries(can.map((name) => [`can_${name}`, false])),
  };
}

function envelopeOf(value) {
  if (value === null || (typeof value === "object" && "codec" in value)) return value;
  return { codec: "json", blob: JSON.stringify(value) };
}

function decode(envelope) {
  if (envelope?.codec !== "json") return null;
  try { return JSON.parse(envelope.blob); } catch { return null; }
}

function runOf(call, { workflowId, runId }) {
  const run = workflows.get(keyOf(call.namespace, workflowId));
  if (run && (runId === undefined || runId === run.run_id)) return run;
  const reason = runId === undefined ? "instance_not_found" : "run_not_found";
  throw new Refusal(404, reason, "There is no such workflow.", {
    workflow_id: workflowId, ...(runId === undefined ? {} : { run_id: runId }),
  });
}

function pageSize(call, fallback, most) {
  const text = call.query.get("page_size");
  const size = text ? Number(text) : fallback;
  if (!Number.isInteger(size) || size < 1 || size > most) {
    throw invalid({ page_size: ["The page size field is invalid."] });
  }
  return size;
}

function list(call) {
  const size = pageSize(call, 50, 200);
  const wanted = { status_bucket: "status", workflow_type: "workflow_type", task_queue: "task_queue" };
  const status = call.query.get("status");
  if (status && !["running", "completed", "failed"].includes(status)) {
    throw invalid({ status: ["The status field is running, completed or failed."] });
  }
  let found = [...workflows.values()].filter((run) => run.namespace === call.namespace).map(listed);
  for (const [member, parameter] of Object.entries(wanted)) {
    const value = call.query.get(parameter);
    if (value) found = found.filter((run) => run[member] === value);
  }
  const after = Number(call.query.get("next_page_token") ?? 0);
  const page = found.reverse().slice(after, after + size);
  const token = found.length > after + size ? String(after + size) : null;
  return [200, { workflows: page, workflow_count: page.length, next_page_token: token }];
}

function runs(call, path) {
  const run = runOf(call, { workflowId: path.workflowId });
  const { run_id, workflow_type, business_key, status, task_queue, started_at, closed_at } = run;
  const item = {
    run_id, run_number: 1, workflow_type, business_key, status, task_queue, started_at, closed_at,
  };
  return [200, { workflow_id: run.workflow_id, run_count: 1, runs: [item] }];
}

function history(call, path) {
  const run = runOf(call, path);
  const size = pageSize(call, 1000, 1000);
  const after = Number(call.query.get("next_page_token") ?? 0);
  const events = run.events.slice(after, after + size);
  const token = run.events.length > after + size ? String(after + size) : null;
  return [200, { workflow_id: run.workflow_id, run_id: run.run_id, events, next_page_token: token }];
}

function createNamespace({ body }) {
  const errors = {};
  if (typeof body.name !== "string" || !/^[A-Za-z0-9._-]{1,128}$/.test(body.name)) {
    errors.name = ["The name field is invalid."];
  }
  const days = body.retention_days ?? 30;
  if (!Number.isInteger(days) || days < 1 || days > 3650) {
    errors.retention_days = ["The retention days field is invalid."];
  }
  if (Object.keys(errors).length) throw invalid(errors);
  const name = body.name.toLowerCase();
  if (namespaces.has(name)) {
    throw new Refusal(409, "namespace_already_exists", "It exists already.", { namespace: name });
  }
  const { updated_at, ...made } = addNamespace(name, body.description ?? null, days);
  return [201, made];
}

function namespaceOf(name) {
  const found = namespaces.get(name.toLowerCase());
  if (found) return found;
  throw new Refusal(404, "namespace_not_found", "There is no such namespace.", { namespace: name });
}

// --- workers --------------------------------------------------------------------------------

function register({ namespace, body }) {
  const worker_id = body.worker_id ?? randomUUID();
  const missing = ["task_queue", "runtime"].filter((name) => typeof body[name] !== "string");
  if (missing.length) {
    throw invalid(Object.fromEntries(missing.map((name) => [name, ["The field is required."]])));
  }
  workers.set(keyOf(namespace, worker_id), body.task_queue);
  return [201, { worker_id, registered: true, heartbeat_interval_seconds: 30 }];
}

function heartbeat({ namespace, body }) {
  if (!workers.has(keyOf(namespace, body.worker_id))) {
    throw new Refusal(404, "worker_not_registered", "The worker is not registered.", {
      worker_id: body.worker_id,
    });
  }
  return [200, { worker_id: body.worker_id, acknowledged: true, heartbeat_interval_seconds: 30 }];
}

function offer(run) {
  const task = { task_id: randomUUID(), run, attempt: 0, owner: null, until: 0, answer: null };
  tasks.set(task.task_id, task);
  wake();
}

function wake() {
  parked = parked.filter((poll) => !poll());
}

async function poll({ namespace, body }) {
  const queue = workers.get(keyOf(namespace, body.worker_id));
  if (queue === undefined) {
    throw new Refusal(412, "worker_not_registered", "Register first.", { worker_id: body.worker_id });
  }
  if (queue !== body.task_queue) {
    throw new Refusal(409, "task_queue_mismatch", "The worker has another queue.", {
      worker_id: body.worker_id, registered_task_queue: queue, requested_task_queue: body.task_queue,
    });
  }
  const seconds = Math.min(body.timeout_seconds ?? 30, 60);
  const task = await new Promise((resolve) => {
    const look = () => {
      const found = lease(namespace, body);
      if (found) resolve(found);
      return found !== null;
    };
    if (look()) return;
    parked.push(look);
    setTimeout(() => {
      parked = parked.filter((each) => each !== look);
      resolve(null);
    }, seconds * 1000);
  });
  return [200, { task, poll_status: task ? "leased" : "empty" }];
}

function lease(namespace, body) {
  const fits = (task) => !task.answer && task.run.namespace === namespace &&
    task.run.task_queue === body.task_queue && task.until <= Date.now();
  const task = [...tasks.values()].find(fits);
  if (!task) return null;
  task.attempt += 1;
  task.owner = body.worker_id;
  task.until = Date.now() + LEASE_SECONDS * 1000;
  const { run } = task;
  const events = run.events.map(({ timestamp, ...event }) => ({
    ...event, id: `${run.run_id}.${event.sequence}`, namespace, recorded_at: timestamp,
    workflow_task_id: null, workflow_command_id: event.payload.workflow_command_id ?? null,
  }));
  return {
    ...NO_REASON, task_id: task.task_id, task_kind: "workflow", ...ids(run), run_status: run.status,
    workflow_class: run.workflow_type, workflow_task_attempt: task.attempt, arguments: run.input,
    last_history_sequence: events.length, total_history_events: events.length,
    history_events: events, next_history_page_token: null, task_queue: run.task_queue,
    connection: null, compatibility: null, lease_owner: task.owner,
    lease_expires_at: new Date(task.until).toISOString().replace("Z", "000Z"),
  };
}

function complete({ namespace, body }, { taskId }) {
  const told = { task_id: taskId, workflow_task_attempt: body.workflow_task_attempt };
  const task = tasks.get(taskId);
  if (!task || task.run.namespace !== namespace) {
    throw new Refusal(404, "task_not_found", "There is no such task.", told);
  }
  if (task.answer && task.owner === body.lease_owner) return [200, task.answer];
  if (task.owner !== body.lease_owner) {
    throw new Refusal(409, "lease_owner_mismatch", "Another worker holds the task.", {
      ...told, lease_owner: task.owner,
    });
  }
  if (task.attempt !== body.workflow_task_attempt) {
    throw new Refusal(409, "workflow_task_attempt_mismatch", "The task was leased again.", {
      ...told, current_attempt: task.attempt,
    });
  }
  const commands = body.commands ?? [];
  const unknown = commands.map((each, place) => [`commands.${place}.type`, each.type])
    .filter(([, type]) => !COMMANDS.includes(type))
    .map(([field]) => [field, ["The command is not supported."]]);
  if (unknown.length) throw invalid(Object.fromEntries(unknown));
  if (commands.length > 1) throw afterTheEnd(told);
  if (commands.length) close(task.run, commands[0]);
  else task.run.status = "waiting";
  task.answer = {
    ...told, outcome: "completed", recorded: true, run_id: task.run.run_id,
    run_status: task.run.status, created_task_ids: [], reason: null,
  };
  return [200, task.answer];
}

const afterTheEnd = (told) =>
  new Refusal(409, "invalid_commands", "No command may follow one that ends the run.", {
    ...told, outcome: "completed", recorded: false, run_id: null, run_status: null,
    created_task_ids: [],
    errors: { "commands.1": ["No command may follow one that ends the run."] },
  });

function close(run, command) {
  if (command.type === "fail_workflow") {
    run.status = run.closed_reason = "failed";
    const exception_class = command.exception_class ?? command.exception_type ?? "Error";
    record(run, "WorkflowFailed", {
      failure_id: randomUUID(), source_kind: "workflow_run", source_id: run.run_id,
      failure_category: "application", non_retryable: command.non_retryable ?? false,
      exception_class, message: command.message,
      exception: { class: exception_class, message: command.message, code: 0 },
    });
  } else {
    run.status = run.closed_reason = "completed";
    run.output = envelopeOf(command.result ?? null);
    const { blob: output, codec: payload_codec } = run.output ?? {};
    record(run, "WorkflowCompleted", run.output ? { output, payload_codec } : {});
  }
  run.closed_at = now();
}

// --- HTTP -----------------------------------------------------------------------------------

const health = () => [200, { status: "serving", timestamp: inSeconds(now()) }];
const info = () => [200, {
  server_id: "node", version: "0.1.0", default_namespace: "default", supported_sdk_versions: {},
  capabilities: {},
  control_plane: {
    version: "2", header: "X-Durable-Workflow-Control-Plane-Version",
    response_contract: { schema: "durable-workflow.v2.control-plane-response", version: 1 },
  },
  worker_protocol: { version: "1.20", server_capabilities: CAPABILITIES },
}];
const listNamespaces = () => [200, { namespaces: [...namespaces.values()] }];
const showNamespace = (call, { name }) => [200, namespaceOf(name)];
const describe = (call, path) => [200, described(runOf(call, path))];

// method, path, plane, operation of the envelope, handler
const ROUTES = [
  ["GET", "/api/health", "public", null, health],
  ["GET", "/api/cluster/info", "discovery", null, info],
  ["GET", "/api/namespaces", "plain", null, listNamespaces],
  ["POST", "/api/namespaces", "plain", null, createNamespace],
  ["GET", "/api/namespaces/{name}", "plain", null, showNamespace],
  ["POST", "/api/workflows", "control", "start", start],
  ["GET", "/api/workflows", "control", "list", list],
  ["GET", "/api/workflows/{workflowId}", "control", "describe", describe],
  ["GET", "/api/workflows/{workflowId}/runs", "control", "list_runs", runs],
  ["GET", "/api/workflows/{workflowId}/runs/{runId}", "control", "describe_run", describe],
  ["GET", "/api/workflows/{workflowId}/runs/{runId}/history", "control", "history", history],
  ["POST", "/api/worker/register", "worker", null, register],
  ["POST", "/api/worker/heartbeat", "worker", null, heartbeat],
  ["POST", "/api/worker/workflow-tasks/poll", "worker", null, poll],
  ["POST", "/api/worker/workflow-tasks/{taskId}/complete", "worker", null, complete],
].map(([method, path, plane, operation, handler]) => ({
  method, plane, operation, handler,
  pattern: new RegExp(`^${path.replace(/\{(\w+)\}/g, "(?<$1>[^/]+)")}$`),
}));

function checkVersion(route, headers) {
  const [header, kind, ours, good] = route.plane === "worker"
    ? [WORKER, "protocol", "1.20", /^1\.\d+$/] : [CONTROL, "control_plane", "2", /^2$/];
  const asked = headers[header]?.trim();
  if (!asked && route.plane === "plain") return;
  const facts = { supported_version: ours, requested_version: asked ?? null };
  const remediation = `Send ${header}: ${ours}.`;
  if (!asked) {
    throw new Refusal(400, `missing_${kind}_version`, "The version header is missing.", {
      ...facts, remediation,
    });
  }
  if (!good.test(asked)) {
    throw new Refusal(400, `unsupported_${kind}_version`, "The version is not supported.", {
      ...facts, remediation,
    });
  }
}

async function read(request) {
  const parts = [];
  let size = 0;
  for await (const part of request) {
    size += part.length;
    if (size <= BODY_BYTES_MAX) parts.push(part);
  }
  if (size > BODY_BYTES_MAX) {
    throw new Refusal(413, "payload_too_large", "The body is too large.", { limit: BODY_BYTES_MAX });
  }
  if (!size) return {};
  if (!/^application\/([\w.-]+\+)?json\b/i.test(request.headers["content-type"] ?? "")) {
    throw new Refusal(415, "unsupported_media_type", "Send application/json.", {
      accepted_content_types: ["application/json"],
    });
  }
  try {
    const body = JSON.parse(Buffer.concat(parts).toString());
    return body && !Array.isArray(body) && typeof body === "object" ? body : {};
  } catch (error) {
    throw new Refusal(400, "malformed_json", "The body is no JSON.", { json_error: error.message });
  }
}

function wrapped(route, path, headers, body) {
  if (route.plane === "worker") {
    const protocol_version = /^1\.\d+$/.test(headers[WORKER] ?? "") ? headers[WORKER] : "1.20";
    const said = body.reason && body.message ? { error: body.message } : {};
    return { protocol_version, server_capabilities: CAPABILITIES, ...said, ...body };
  }
  if (!route.operation) return body;
  const whole = { ...body };
  if (path.workflowId) whole.workflow_id ??= path.workflowId;
  if (path.runId) whole.run_id ??= path.runId;
  const [required_fields, success_fields] = RESPONSE[route.operation];
  const nested = {
    schema: "durable-workflow.v2.control-plane-response", version: 1, operation: route.operation,
    workflow_id: whole.workflow_id ?? null,
    contract: { ...CONTRACT, required_fields, success_fields },
  };
  for (const name of PROJECTED) if (name in whole) nested[name] = whole[name];
  return { ...whole, control_plane: nested };
}

async function answer(request, route, path, url) {
  try {
    if (!route) throw new Refusal(404, "not_found", `There is no route ${url.pathname}.`);
    const body = await read(request);
    if (["worker", "control", "plain"].includes(route.plane)) checkVersion(route, request.headers);
    const namespace = (request.headers["x-namespace"] ?? "default").trim().toLowerCase();
    if (["worker", "control"].includes(route.plane)) namespaceOf(namespace);
    return await route.handler({ namespace, body, query: url.searchParams }, path);
  } catch (error) {
    if (error instanceof Refusal) return [error.status, error.body];
    const request_id = randomUUID();
    return [500, { message: "The server failed.", reason: "server_error", request_id }];
  }
}

const server = createServer(async (request, response) => {
  const url = new URL(request.url, "http://node");
  const fits = (route) => route.method === request.method && route.pattern.test(url.pathname);
  const route = ROUTES.find(fits);
  const groups = route?.pattern.exec(url.pathname).groups ?? {};
  const path = Object.fromEntries(
    Object.entries(groups).map(([name, value]) => [name, decodeURIComponent(value)]));
  const [status, body] = await answer(request, route, path, url);
  const plane = route?.plane ?? (url.pathname.startsWith("/api/worker/") ? "worker" : "control");
  const whole = wrapped({ operation: null, ...route, plane }, path, request.headers, body);
  const versioned = plane === "worker" ? { [WORKER]: whole.protocol_version }
    : ["control", "plain"].includes(plane) ? { [CONTROL]: "2" } : {};
  response.writeHead(status, {
    "content-type": "application/json",
    "x-request-id": request.headers["x-request-id"] ?? randomUUID(),
    ...versioned,
  });
  response.end(JSON.stringify(whole));
});

server.listen(Number(process.argv[2] ?? 8080), "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${server.address().port}`);
});
