"""What can go wrong while somebody learns: each fault has a test, and one clear line for the user.

Nothing is lost in any of them. Paths are seen from tests/.

| fault | test | what the user sees |
|---|---|---|
| data file missing | test_datafiles.py::test_a_missing_file_is_named_with_its_repair | "… is missing. To repair it …" |
| data file truncated | test_datafiles.py::test_a_truncated_file_is_named_with_both_checksums | "… cannot be read … expected … found …" |
| one bit of a data file flipped | faults/test_files.py::test_one_flipped_bit_of_a_data_file_is_never_used | "… cannot be read", or "… does not hold the data this course was written on" |
| `lab` on damaged data | faults/test_files.py::test_the_lab_names_damaged_data_before_it_opens | "course: damaged data set: births: …" |
| disk full while writing any file | faults/test_files.py::test_a_full_disk_leaves_the_old_file_whole | "… could not be written (…); what was there before is as it was" |
| process killed while writing | faults/test_files.py::test_a_killed_process_leaves_a_whole_file | nothing: the old file or the new one |
| disk full while saving progress | faults/test_files.py::test_progress_survives_a_full_disk | "Progress is kept only until this kernel stops: …" |
| progress file damaged | test_study.py::test_a_damaged_file_is_kept_aside_and_told_once | "The progress file was damaged (…). It was kept as …" |
| progress folder read-only | test_study.py::test_a_folder_that_cannot_be_written_keeps_progress_in_memory_and_says_so_once | "Progress is kept only until this kernel stops: …" |
| disk full while storing a long result | faults/test_files.py::test_a_result_that_cannot_be_stored_is_shown_all_the_same | "not stored: …" in the result's label |
| stored result damaged | faults/test_files.py::test_a_damaged_stored_result_says_how_to_get_it_again | "results/….json is damaged (…): run this cell with COURSE_SLOW=1 …" |
| disk full while a chapter is written | faults/test_files.py::test_a_chapter_that_cannot_be_written_stays_as_it_was | "… could not be written …" |
| disk full while the course is updated | faults/test_files.py::test_an_update_on_a_full_disk_keeps_the_learners_copy | "course: … could not be written …" |
| disk full during `seeds` | faults/test_files.py::test_seeds_go_on_when_a_run_cannot_be_written | "course: … could not be written …" |
| seeds.json damaged | faults/test_files.py::test_damaged_runs_are_named_with_their_repair | "course: … is damaged (…): git restore …" |
| kernel interrupt during fit | faults/test_training.py::test_a_kernel_interrupt_keeps_the_history_and_training_goes_on | "History: interrupted after 2 of 9 epochs, 24 updates" |
| kernel interrupt during a sweep | test_sweeps.py::test_a_kernel_interrupt_keeps_the_finished_chunks | "3 not trained: interrupted" |
| kernel restarted during training | faults/test_training.py::test_training_goes_on_bit_for_bit_after_a_restart | nothing: it goes on |
| disk full while a checkpoint is saved | faults/test_training.py::test_a_checkpoint_on_a_full_disk_leaves_the_one_before | "… could not be written …" |
| checkpoint truncated, a bit flipped | faults/test_training.py::test_a_damaged_checkpoint_is_refused_and_changes_nothing | "… is damaged, or no checkpoint (…)" |
| checkpoint with code in it | faults/test_training.py::test_a_checkpoint_with_code_is_refused_before_it_runs | "… names code to run and is refused" |
| checkpoint of another net | faults/test_training.py::test_a_checkpoint_of_another_net_changes_nothing | "… was written for another model: …" |
| the same, chapter 01's code | test_chapter_01.py::test_the_strangers_file_is_refused_and_is_harmless_if_loaded | the verdict's card |
| NaN in training | test_training.py::test_too_large_a_rate_is_refused_with_advice_and_keeps_the_epochs_before | "The loss on train became inf at update …" |
| NaN in the data | test_training.py::test_nan_in_the_data_is_found_instead_of_blaming_the_rate | "… NaN in x …" |
| NaN in a sweep | test_sweeps.py::test_a_net_that_diverges_does_not_touch_its_neighbours | "… 1 diverged" |
| out of memory in a sweep | test_sweeps.py::test_a_chunk_that_runs_out_of_memory_is_halved | "… trained in halves; give a smaller memory=…" |
| not even one net fits | faults/test_training.py::test_a_net_too_large_for_the_memory_is_named | "the net with {…} alone needs more memory than there is: …" |
| NaN in a playground | test_playground.py::test_divergence_pauses_says_so_and_reset_recovers | "the loss is no longer a finite number: it diverged. …" |
| exception in the learner's loop | test_playground.py::test_an_exception_in_the_learner_s_loop_is_shown_as_theirs_and_reset_recovers | "your code stopped: ValueError: …, line …" |
| exception in the learner's picture | test_playground.py::test_an_exception_in_the_picture_keeps_the_curves | "your code stopped: …" |
| two playgrounds of one name | faults/test_playgrounds.py::test_the_first_of_two_of_one_name_says_why_it_is_closed | "this cell was run again, or another one took the name 'twice': …" |
| 200 slider moves in two seconds | faults/test_playgrounds.py::test_two_hundred_moves_in_two_seconds_do_not_queue_up | nothing: the last place counts |
| a cell run 50 times | faults/test_playgrounds.py::test_a_cell_run_fifty_times_leaves_nothing_behind | nothing |
| prediction and recall cells run again | faults/test_playgrounds.py::test_cards_with_buttons_run_fifty_times_leave_nothing_behind | nothing |
| page closed while training | browser/test_closed_page.py::test_training_ends_after_the_page_was_closed_and_the_page_can_be_reopened | the playground as the run left it |
| server open to the network | faults/test_server.py::test_the_server_answers_on_this_computer_only | nothing |
| request without the token | faults/test_server.py::test_nothing_is_given_away_without_the_token | a page that asks for the token |
| port in use | test_lab.py::test_a_port_in_use_is_noticed | "course: port … is in use; …" |
"""  # noqa: E501
