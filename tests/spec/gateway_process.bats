#!/usr/bin/env bats
# crank-gateway as a process: listeners and control packets come as crank sends them, servers and
# clients are tests/lib/gateway_world.py's.

bats_require_minimum_version 1.5.0
load ../lib/common

setup() { common_setup; }
teardown() { common_teardown; }

# gateway_check NAME: one of tests/lib/gateway_*.py.
gateway_check() { timeout 120 python3 "$BATS_TEST_DIRNAME/../lib/gateway_checks.py" "$1"; }

@test "switching backends under load loses no request and resets no connection" { gateway_check switch_under_load; }
@test "a drain waits for a slow request" { gateway_check drain_waits_for_a_slow_request; }
@test "a drain waits for a WebSocket" { gateway_check drain_waits_for_a_websocket; }
@test "a client that ends its side is told to the backend, and keeps no drain waiting" {
    gateway_check a_client_that_ends_is_told_to_the_backend
}
@test "what is left after the grace is cut, and counted" { gateway_check the_grace_cuts_what_is_left; }
@test "a drain is refused while the backend is routed to, and ends when it is again" {
    gateway_check a_drain_is_refused_while_it_is_routed_to
}
@test "a drain goes on without the one who asked for it" {
    gateway_check a_closed_control_connection_leaves_the_drain
}
@test "requests and connections wait until a backend appears" { gateway_check requests_wait_for_a_backend; }
@test "not more than 1024 requests wait for a backend" { gateway_check not_more_than_1024_wait; }
@test "a backend that refuses connections is passed over" { gateway_check a_dead_backend_is_passed_over; }
@test "what was closed while it was idle costs no request" {
    gateway_check what_was_closed_while_idle_is_repeated_once
}
@test "no request comes twice through connections that close at any moment" {
    gateway_check posts_to_connections_that_close_at_any_moment
}
@test "a request is never sent twice" { gateway_check a_request_is_never_sent_twice; }
@test "only requests that may be repeated go on connections that were used" {
    gateway_check only_what_may_be_repeated_shares_connections
}
@test "two hundred held requests reach a backend whose queue holds one connection" {
    gateway_check many_that_waited_reach_a_short_queue
}
@test "what a backend refuses asks until it is taken" { gateway_check what_is_refused_asks_until_it_is_taken; }
@test "weights are shares of the requests" { gateway_check weights_are_shares; }

@test "a request that could be read in two ways is refused" {
    gateway_check what_could_be_read_in_two_ways_is_refused
}
@test "a backend's response is read as strictly" { gateway_check a_backends_answer_is_read_as_strictly; }
@test "a response that is cut off is not completed" { gateway_check a_body_that_is_cut_off_is_not_completed; }
@test "a response that a backend breaks off is reset, also where its end would frame it" {
    gateway_check what_a_backend_breaks_off_is_reset
}
@test "a response or a connection that a drain breaks off is reset" {
    gateway_check what_the_grace_breaks_off_is_reset
}
@test "a response or a connection that the gateway's end breaks off is reset" {
    gateway_check what_the_end_of_the_gateway_breaks_off_is_reset
}
@test "what ends in order is not reset" { gateway_check who_ends_in_order_is_not_reset; }
@test "every kind of framing is handed on, and pipelined requests are answered in order" {
    gateway_check framing_of_every_kind
}
@test "backends see the client's host and address, and no hop-by-hop fields" {
    gateway_check heads_as_backends_see_them
}
@test "a request without a host gets the published address" {
    gateway_check a_request_without_a_host_gets_the_published_address
}
@test "100-continue is passed on, and so is a refusal" { gateway_check continue_is_asked_for_and_passed_on; }
@test "a response that begins before the request is whole arrives" {
    gateway_check an_answer_before_the_request_is_whole
}
@test "large bodies go both ways in bounded memory" {
    case ${CRANK_PRESET:-dev} in asan | tsan) skip "a sanitizer's memory is not the gateway's" ;; esac
    gateway_check large_bodies_both_ways_within_bounds
}

@test "TCP is relayed with the ends of both directions" { gateway_check tcp_is_relayed_with_its_ends; }
@test "a reset is passed on as one" { gateway_check a_reset_is_passed_on; }
@test "a server may speak first" { gateway_check a_server_may_speak_first; }
@test "a connection that is kept ready is HTTP once it asks" {
    gateway_check a_connection_that_is_kept_ready_is_http
}
@test "a change moves connections on which nobody has spoken" { gateway_check a_change_moves_who_has_not_spoken; }
@test "a part of a request line stays undecided" { gateway_check a_partial_request_line_stays_undecided; }
@test "a server that speaks after a few letters of its client is relayed" {
    gateway_check the_server_decides_after_a_few_letters
}
@test "a slow client of another protocol is relayed where HTTP was seen" {
    gateway_check a_slow_hello_is_relayed_where_http_was_seen
}
@test "a stray request of HTTP does not silence a server that speaks first" {
    gateway_check a_stray_request_does_not_silence_a_server
}
@test "an end decides too" { gateway_check an_end_decides_too; }
@test "who is silent waits for a backend" { gateway_check who_is_silent_waits_for_a_backend; }
@test "heads that do not end are ended, and hold up nobody" {
    if [ "${CRANK_TEST_LONG:-0}" != 1 ]; then skip "takes their 30 seconds: ./dev test --long"; fi
    gateway_check heads_that_do_not_end_are_ended
}
@test "clients and backends that are gone without a word are asked after" {
    gateway_check peers_that_are_gone_are_asked_after
}

@test "control requests that are wrong are answered with what is wrong" { gateway_check control_says_what_is_wrong; }
@test "whoever asks may be killed at any moment" { gateway_check who_asks_may_be_killed; }
@test "another user's requests are refused" {
    require root is_root
    chmod go+x "$CRANK_TEST_DIR"
    gateway_check another_user_is_sent_away
}
@test "without descriptors it waits and does not spin" {
    case ${CRANK_PRESET:-dev} in asan) skip "the sanitizer itself needs descriptors for its checks" ;; esac
    gateway_check without_descriptors_it_waits
}
@test "clients that take every descriptor leave some for control" {
    case ${CRANK_PRESET:-dev} in asan) skip "the sanitizer itself needs descriptors for its checks" ;; esac
    gateway_check clients_leave_descriptors_for_those_who_control_it
}
@test "the state of 800 backends is one packet" { gateway_check the_state_of_many_backends_is_one_packet; }
@test "its log is bounded" { gateway_check its_log_is_bounded; }
@test "a listener is replaced without a gap, and closed without its connections" {
    gateway_check a_listener_is_replaced_and_closed
}
@test "stop waits for what is there" { gateway_check stop_waits_and_cuts; }
@test "SIGTERM drains, SIGHUP and SIGPIPE do nothing" { gateway_check signals; }
@test "what serves may be killed: no connection is refused, and all that was asked is in force" {
    gateway_check what_serves_may_be_killed
}
@test "after it was killed what was changed since is in force too" {
    gateway_check what_was_changed_since_is_in_force_too
}
@test "who waits for a drain is told when what serves was killed" {
    gateway_check who_waits_for_a_drain_is_told_that_it_ended
}
@test "the end of what keeps is the end of what serves" {
    gateway_check the_end_of_the_keeper_is_the_end_of_both
}
@test "it has no capabilities and its system calls are filtered" {
    case ${CRANK_PRESET:-dev} in asan | tsan) skip "the sandbox is for builds without sanitizers" ;; esac
    gateway_check it_is_confined
}

@test "without crank it says so and ends" {
    run -1 crank-gateway 3<&-
    [[ "$output" == *"descriptor 3 is no listening packet socket"*"hint: crank up starts it"* ]]
    run -2 crank-gateway --port 80
    [[ "$output" == *"usage: crank-gateway [--name PROJECT]"* ]]
}
