"""All abuse cases, each with what tries it or with why nothing does. A test is `module::name` below tests/."""

TOKENS, THINGS = "abuse/test_tokens_and_sessions.py::", "abuse/test_anothers_things.py::"
GUESSING, ROLES, MONEY = "abuse/test_guessing.py::", "abuse/test_roles_and_fields.py::", "abuse/test_money_in_time.py::"
FOREIGN_ADDRESSES = f"{THINGS}test_nobody_is_sent_and_nothing_is_fetched_where_somebody_else_says"
TRIALS = "abuse/test_trials.py::"
CANARIES, INPUTS = "abuse/test_canaries.py::", "abuse/test_inputs_and_answers.py::"
DELIVERIES, RACES = "abuse/test_deliveries.py::", "abuse/test_races.py::"
HTTP, FILMS, CASES = "http/", "adapters/local_video/test_refusals.py::", "stripe_cases/test_cases.py::"

EVERY_CASE = f"{CASES}test_access_is_what_stripe_and_the_policy_say"
"""Plays all of tests/stripe_cases/cases, whose numbers the comments give."""

TRIED: dict[str, list[str]] = {
    "AB-01": [f"{TOKENS}test_a_token_without_a_signature_is_none"],
    "AB-02": [
        f"{TOKENS}test_nothing_that_is_public_signs_a_token",
        f"{TOKENS}test_who_changes_a_word_of_a_token_has_none",
    ],
    "AB-03": [f"{TOKENS}test_no_header_of_a_token_leads_anywhere"],
    "AB-04": [f"{TOKENS}test_a_token_of_another_house_is_none"],
    "AB-05": [
        f"{TOKENS}test_a_token_is_good_for_what_it_is_for",
        f"{TOKENS}test_a_token_is_good_in_its_time_and_for_us_alone",
    ],
    "AB-06": [
        f"{TOKENS}test_who_signs_out_is_out_and_stays_signed_in_elsewhere",
        f"{TOKENS}test_what_ends_every_session_ends_it_everywhere",
        f"{TOKENS}test_a_role_that_is_taken_back_is_over_everywhere",
    ],
    "AB-07": [
        f"{TOKENS}test_a_refresh_token_that_comes_again_ends_its_family",
        f"{TOKENS}test_of_twenty_refreshes_at_once_no_descendant_lives",
    ],
    "AB-08": [
        f"{THINGS}test_what_is_anothers_is_answered_like_what_there_is_not",
        f"{HTTP}test_payments.py::test_nobody_sees_somebody_elses",
    ],
    "AB-09": [
        f"{THINGS}test_a_film_is_shown_to_who_has_paid_as_long_as_that_lasts",
        f"{HTTP}test_playback.py::test_the_address_is_good_for_nothing_else",
    ],
    "AB-10": [
        f"{THINGS}test_no_file_of_a_film_lies_where_one_can_guess_it",
        f"{HTTP}test_videos.py::test_an_unpublished_video_exists_for_admins_alone",
        "adapters/local_video/test_delivery.py::test_only_the_files_of_the_film_are_served",
    ],
    "AB-11": [f"{THINGS}test_what_somebody_else_has_paid_is_nobody_elses"],
    "AB-12": [FOREIGN_ADDRESSES, f"{HTTP}test_subscriptions.py::test_nobody_is_sent_to_a_foreign_page"],
    "AB-13": [f"{DELIVERIES}test_to_come_back_from_the_page_without_paying_gives_nothing"],
    "AB-14": [
        f"{DELIVERIES}test_a_delivery_gives_nothing_that_stripe_does_not_say_when_it_is_asked",
        EVERY_CASE,  # 020, 024, 028
    ],
    "AB-15": [f"{DELIVERIES}test_a_delivery_that_says_paid_pays_nothing"],
    "AB-16": [
        f"{DELIVERIES}test_what_is_not_signed_by_one_of_our_secrets_is_not_kept",
        f"{HTTP}test_webhooks.py::test_what_is_not_signed_so_is_not_kept",
    ],
    "AB-17": [  # Before there is any API process.
        "entrypoints/test_settings.py::test_production_does_not_start_without_each_of_them_and_says_which",
        "entrypoints/test_settings.py::test_production_does_not_start_with_what_is_only_good_for_development",
        "cli/test_commands.py::test_in_production_a_missing_secret_stops_the_start_and_is_named",
    ],
    "AB-18": [
        f"{DELIVERIES}test_what_comes_from_the_other_mode_of_stripe_is_kept_and_nothing_else",
        EVERY_CASE,  # 070
    ],
    "AB-19": [
        f"{DELIVERIES}test_of_a_hundred_copies_at_once_one_is_kept_and_nothing_is_told_twice",
        f"{DELIVERIES}test_a_delivery_is_taken_within_five_minutes_of_its_signature",
    ],
    "AB-20": [
        f"{DELIVERIES}test_while_a_secret_is_replaced_both_are_good_and_no_third",
        EVERY_CASE,  # 071
    ],
    "AB-21": [
        f"{MONEY}test_in_whatever_order_it_is_told_an_end_is_the_end",
        EVERY_CASE,  # 001, 007, 009, 010
        "storm/test_storm.py::test_a_storm_ends_the_same_in_whatever_order_it_came",
    ],
    "AB-22": [
        f"{MONEY}test_access_ends_by_time_alone_where_its_end_was_never_told",
        EVERY_CASE,  # 030
    ],
    "AB-23": [
        f"{MONEY}test_money_that_goes_back_takes_the_access_that_it_paid_for",
        EVERY_CASE,  # 050, 051, 053
        "stripe_cases/test_interruptions.py::test_a_dispute_is_linked_through_its_payment",
    ],
    "AB-25": [
        f"{RACES}test_under_one_key_it_is_done_once_also_after_the_processes_were_killed",
        f"{HTTP}test_idempotency_of_money.py::test_a_process_that_is_killed_in_the_middle_leaves_one_refund",
    ],
    "AB-27": [
        f"{RACES}test_of_twenty_who_give_all_of_it_back_one_does",
        f"{RACES}test_of_two_parts_that_are_more_than_the_whole_one_is_given_back",
        f"{MONEY}test_what_the_bank_has_taken_is_not_given_back_as_well",
    ],
    "AB-28b": [  # By address and number, not by card.
        f"{TRIALS}test_nobody_has_a_second_trial_by_another_account_or_by_erasing_the_first",
        f"{TRIALS}test_who_erases_an_account_without_a_trial_may_have_it_later",
        f"{TRIALS}test_of_several_accounts_of_one_mailbox_that_ask_at_once_one_has_a_trial",
    ],
    "AB-28c": [f"{RACES}test_an_amount_is_a_whole_number_of_something_that_is_owed"],
    "AB-29": [
        f"{ROLES}test_no_spelling_no_verb_and_no_header_opens_what_a_role_may_not",
        f"{ROLES}test_who_checks_or_looks_after_changes_nothing",
        f"{ROLES}test_nobody_changes_what_was_recorded",
        f"{HTTP}test_who_may.py::test_who_may_does_and_who_may_not_is_refused",
        f"{HTTP}test_who_may.py::test_no_spelling_and_no_header_lets_a_viewer_in",
    ],
    "AB-30": [
        f"{ROLES}test_nobody_says_of_themselves_what_is_for_others_to_say",
        f"{HTTP}test_accounts.py::test_nobody_gives_themselves_a_role_or_an_id",
        f"{HTTP}test_ways_in.py::test_she_is_renamed_and_nothing_else_is_hers_to_change",
    ],
    "AB-31": [
        f"{INPUTS}test_no_answer_holds_anything_of_the_inside_or_of_somebody_else",
        f"{HTTP}test_audit.py::test_personal_fields_are_for_admins_alone",
        f"{HTTP}test_payments.py::test_nobody_sees_somebody_elses",
    ],
    "AB-32": [  # The first admin is made by command alone: two of these, at once.
        f"{ROLES}test_who_begin_at_once_on_an_empty_database_make_its_tables_and_its_first_admin_once",
        "cli/test_commands.py::test_an_admin_is_made_once_and_the_second_time_refused_in_one_line",
    ],
    "AB-33": [
        f"{GUESSING}test_fifty_guesses_at_once_are_few_tries_wherever_they_say_they_come_from",
        f"{GUESSING}test_one_password_for_many_accounts_is_few_tries_of_the_address_that_it_comes_from",
        f"{HTTP}test_throttles.py::test_a_word_for_another_address_counts_for_nothing_from_whom_it_is_not_believed",
        f"{HTTP}test_throttles.py::test_guesses_from_many_addresses_are_slowed_and_the_owner_gets_in_where_she_was_before",
        f"{HTTP}test_throttles.py::test_two_processes_count_together",
        f"{HTTP}test_throttles.py::test_who_signed_in_here_before_is_not_locked_out_by_who_guesses",
    ],
    "AB-34": [
        f"{GUESSING}test_of_fifty_who_ask_at_once_for_a_code_three_are_sent_one",
        f"{GUESSING}test_a_code_is_over_once_there_is_another",
        f"{RACES}test_of_fifty_guesses_at_once_on_any_process_five_are_looked_at",
        f"{RACES}test_fifty_who_have_the_right_code_at_once_are_one_sign_in",
        f"{HTTP}test_ways_in.py::test_the_fourth_code_in_a_quarter_of_an_hour_is_too_many",
    ],
    "AB-35": [
        f"{GUESSING}test_no_answer_says_who_has_an_account",
        "faults/test_sign_ins.py::test_an_answer_takes_as_long_and_says_the_same_whether_there_is_an_account",
        f"{HTTP}test_ways_in.py::test_forgetting_is_answered_alike_for_anybody",
    ],
    "AB-36": [
        f"{GUESSING}test_a_huge_password_costs_nothing",
        "faults/test_sign_ins.py::test_others_are_answered_while_two_hundred_sign_in_at_once",
        f"{HTTP}test_accounts.py::test_a_weak_password_is_refused_by_rule",
    ],
    "AB-37": [
        f"{GUESSING}test_one_password_for_many_accounts_is_few_tries_of_the_address_that_it_comes_from",
        f"{GUESSING}test_what_is_said_of_another_host_is_in_no_letter",
        f"{HTTP}test_throttles.py::test_a_word_for_another_address_counts_for_nothing_from_whom_it_is_not_believed",
        f"{HTTP}test_server.py::test_what_is_not_for_one_host_is_400_and_hung_up_on",
    ],
    "AB-38": [
        f"{INPUTS}test_an_upload_that_names_files_and_addresses_ends_in_error_and_reaches_nothing",
        f"{FILMS}test_what_is_no_video_is_refused_with_the_reason",
        f"{FILMS}test_what_goes_beyond_a_limit_is_refused",
        f"{FILMS}test_an_upload_that_names_files_and_addresses_reaches_neither",
        f"{HTTP}test_videos.py::test_what_is_no_video_ends_in_error_with_its_reason",
    ],
    "AB-39": [
        FOREIGN_ADDRESSES,
        f"{HTTP}test_subscriptions.py::test_nobody_is_sent_to_a_foreign_page",
    ],  # No other field is an address.
    "AB-40": [
        f"{INPUTS}test_bodies_that_are_made_to_break_a_parser_are_refused_and_leave_the_processes_as_they_were",
        f"{HTTP}test_bad_bodies.py::test_what_is_no_json_is_malformed",
        f"{HTTP}test_bad_bodies.py::test_only_json_is_taken",
        f"{HTTP}test_server.py::test_a_body_without_a_length_is_counted",
        f"{HTTP}test_server.py::test_deep_json_leaves_the_server_as_it_was",
    ],
    "AB-41": [
        f"{INPUTS}test_what_two_might_read_differently_is_read_by_nobody",
        f"{HTTP}test_deadlines.py::test_a_bad_head_is_refused_and_nothing_after_it_is_read",
        f"{HTTP}test_server.py::test_what_is_no_http_is_400_and_hung_up_on",
        f"{HTTP}test_server.py::test_a_flood_of_headers_is_hung_up_on",
    ],
    "AB-42": [
        f"{CANARIES}test_what_is_hers_is_in_no_table_no_file_and_no_figure_and_gone_once_it_is_erased",
        f"{HTTP}test_canaries.py::test_nothing_of_hers_lies_in_clear_and_nothing_at_all_after_the_erasure",
    ],
}

NOT_TRIED: dict[str, str] = {
    "AB-24": "There is no wallet yet.",
    "AB-26": "Nothing is sold that can run out: there is no stock yet.",
    "AB-28": "There are no coupons yet.",
    "AB-43": "Films are on the local platform: there are no webhooks of Mux yet.",
    "AB-44": "The ledger is not sealed yet, so there is no proof that an auditor could verify.",
}
