"""Where each of the sixty invariants is checked.

A dotted name is a checker that runs after every transaction of every simulated life and of every
model-based one; a name with `::` is a test. Names of other checks: a function of a module.
"""

_HISTORY = "tests.invariants.history"
_STEPS = "tests.invariants.steps"
_TASKS = "tests.invariants.tasks"
_ACTIVITIES = "tests.invariants.activities"
_WAITS = "tests.invariants.waits"
_MESSAGES = "tests.invariants.messages"
_CHILDREN = "tests.invariants.children"
_RUNS = "tests.invariants.runs"
_JUDGE = "tests.simulation.judge"
_LIFE = "tests.model.life"
_READING = "tests/simulation/test_reading.py"
_SEEDS = "tests/simulation/test_seeds.py"
_CASES = "tests/simulation/test_interleavings.py"
_REPLAY = "tests/sdk/test_replay.py"
_RELEASES = "tests/sdk/test_releases.py"

_IN_EVERY_SEED = f"{_SEEDS}::test_nothing_breaks_a_promise_whatever_is_lost_doubled_or_killed"
_PAGES = f"{_READING}::test_pages_together_are_the_history_in_every_rendering"
_REFUSED = f"{_READING}::test_a_refused_batch_leaves_no_trace_wherever_the_bad_command_stands"
_REPEATED = f"{_READING}::test_a_completion_that_is_repeated_is_answered_as_before_and_adds_nothing"
_REPLAYED = f"{_REPLAY}::test_histories_replay_to_what_was_decided"
_TWO_NODES = f"{_CASES}::test_15_what_is_due_is_found_on_two_nodes_in_the_same_second"

WHERE: dict[int, tuple[str, ...]] = {
    1: (f"{_HISTORY}.i01_events_are_numbered_without_gaps",),
    2: (f"{_HISTORY}.i02_recorded_events_never_change",),
    3: (f"{_HISTORY}.i03_recorded_instants_never_go_back",),
    4: (f"{_HISTORY}.i04_histories_begin_in_one_of_two_ways",),
    5: (f"{_HISTORY}.i05_a_closed_run_has_one_ending_that_agrees",),
    6: (f"{_HISTORY}.i06_only_administration_follows_the_end",),
    7: (_PAGES,),
    8: (_PAGES,),
    9: (f"{_STEPS}.i09_a_step_number_belongs_to_one_step",),
    10: (f"{_STEPS}.i10_step_numbers_rise_in_order_of_appearance",),
    11: (f"{_STEPS}.i11_step_numbers_are_dense",),
    12: (f"{_STEPS}.i12_a_step_is_opened_once_and_ends_at_most_once",),
    13: (f"{_STEPS}.i13_parallel_fields_agree_everywhere",),
    14: (f"{_TASKS}.i14_at_most_one_workflow_task_is_open",),
    15: (f"{_TASKS}.i15_a_closed_run_has_no_open_task",),
    16: (f"{_TASKS}.i16_only_a_leased_task_is_held",),
    17: (f"{_JUDGE}.Judge.completion_accepted", f"{_LIFE}.Life.complete_without_right"),
    18: (f"{_TASKS}.i18_attempts_never_decrease",),
    19: (_REFUSED, f"{_LIFE}.Life.complete_malformed"),
    20: (_REPEATED, f"{_LIFE}.Life.repeat"),
    21: (f"{_ACTIVITIES}.i21_attempts_are_counted_without_gaps",),
    22: (f"{_ACTIVITIES}.i22_an_activity_ends_at_most_once",),
    23: (f"{_ACTIVITIES}.i23_attempts_stay_within_the_policy",),
    24: (f"{_ACTIVITIES}.i24_a_retry_is_never_early",),
    25: (f"{_ACTIVITIES}.i25_an_unretryable_failure_is_final",),
    26: (
        f"{_ACTIVITIES}.i26_no_activity_times_out_early",
        f"{_ACTIVITIES}.i26_no_deadline_is_left_behind",
    ),
    27: (f"{_ACTIVITIES}.i27_a_stopped_run_has_no_open_activity",),
    28: (f"{_ACTIVITIES}.i28_a_heartbeat_never_shortens_a_lease", f"{_LIFE}.Life.beat"),
    29: (
        f"{_WAITS}.i29_a_timer_fires_once_and_never_early",
        f"{_WAITS}.i29_no_timer_is_left_behind",
    ),
    30: (f"{_WAITS}.i30_a_wait_timer_lives_as_long_as_its_wait",),
    31: (f"{_WAITS}.i31_a_condition_wait_resolves_once",),
    32: (f"{_WAITS}.i32_no_wait_outlives_its_timeout",),
    33: (
        f"{_MESSAGES}.i33_every_accepted_signal_is_received_once",
        f"{_MESSAGES}.i33_a_signal_is_applied_once",
        f"{_JUDGE}.Judge.signal_accepted",
    ),
    34: (
        f"{_MESSAGES}.i34_signals_appear_in_the_order_of_their_requests",
        f"{_READING}::test_signals_come_to_the_worker_in_the_order_in_which_they_were_sent",
    ),
    35: (f"{_MESSAGES}.i35_a_signal_for_an_open_wait_wakes_the_run",),
    36: (f"{_MESSAGES}.i36_a_signal_does_not_wake_a_blocked_run",),
    37: (f"{_MESSAGES}.i37_every_accepted_update_ends", f"{_JUDGE}.Judge.update_accepted"),
    38: (
        f"{_MESSAGES}.i38_one_request_is_one_update",
        f"{_READING}::test_an_update_that_is_repeated_is_one_update",
    ),
    39: (f"{_MESSAGES}.i39_only_an_update_that_succeeded_was_applied",),
    40: (f"{_MESSAGES}.i40_no_signal_is_lost_when_a_run_continues",),
    41: (f"{_CHILDREN}.i41_a_child_is_scheduled_once_and_resolved_at_most_once",),
    42: (f"{_CHILDREN}.i42_an_open_parent_learns_how_its_child_ended",),
    43: (f"{_CHILDREN}.i43_a_child_result_is_what_the_child_returned",),
    44: (f"{_CHILDREN}.i44_a_child_is_tried_as_often_as_its_policy_says",),
    45: (f"{_CHILDREN}.i45_children_follow_the_policy_of_a_closing_parent",),
    46: (f"{_RUNS}.i46_a_workflow_has_at_most_one_open_run",),
    47: (f"{_RUNS}.i47_a_second_start_makes_no_second_run", f"{_JUDGE}.Judge.started_new"),
    48: (f"{_RUNS}.i48_a_chain_keeps_its_execution_deadline",),
    49: (f"{_RUNS}.i49_status_and_reason_go_together",),
    50: (
        f"{_RUNS}.i50_every_open_run_will_be_resumed",
        f"{_RUNS}.i50_the_run_counts_what_is_open",
        f"{_RUNS}.i50_no_held_result_is_forgotten",
    ),
    # The SDK's own replayer is the judge of these.
    51: (_REPLAYED,),
    52: (_REPLAYED,),
    53: (_REPLAYED,),
    54: (_REPLAYED, f"{_RELEASES}::test_a_release_does_what_it_can_say"),
    # A seed kills processes at any statement, loses all wakes, and runs passes on several nodes;
    # what was acknowledged must be there, and every run must end once the world is calm.
    55: (_IN_EVERY_SEED, "tests/kill/test_kill.py"),
    56: (_IN_EVERY_SEED,),
    57: (_TWO_NODES, _IN_EVERY_SEED, f"{_LIFE}.Life.passes"),
    58: (_IN_EVERY_SEED,),
    59: ("tests/model/test_together.py::test_clients_and_workers_never_wait_for_each_other",),
    60: (f"{_READING}::test_reading_and_asking_change_nothing_of_any_run", f"{_JUDGE}.Judge.end"),
}
