//! One battery of tests over both stores.

mod battery;
mod cli;
mod postgres;
mod rig;
mod server;
mod sqlite;

/// Runs each test of the battery over a store.
macro_rules! each {
    ($ground:ident: $($name:ident,)*) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            let ground = $ground::new().await;
            crate::battery::$name(&ground).await;
        })*
    };
}
pub(crate) use each;

/// The names of the battery, once.
macro_rules! every_test {
    ($ground:ident) => {
        crate::each! {
            $ground:
            every_byte_comes_back,
            a_big_message_comes_in_parts,
            all_that_is_known_comes_back,
            the_same_message_is_stored_once,
            a_message_that_came_again_stays_known,
            parallel_messages_are_all_there,
            entries_are_found_by_every_field,
            pages_have_each_entry_once,
            late_entries_are_where_they_belong,
            what_has_changed_is_found_as_it_is,
            an_erased_address_is_nowhere_in_the_index,
            two_hosts_index_the_same_entries_once,
            states_change_and_leave_a_trail,
            an_encrypted_entry_needs_its_key,
            retention_drops_the_oldest,
            one_person_is_erased_and_the_others_stay,
            releases_wait_and_are_taken_once,
            waves_are_counted,
            lists_and_counters_are_shared,
            what_nobody_committed_is_not_there,
            an_older_quarantine_is_brought_up_to_date,
            two_daemons_share_it,
            search_is_fast_among_many,
        }
    };
}
pub(crate) use every_test;
