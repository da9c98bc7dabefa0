//! Where a test lets the verifier panic: whatever goes wrong in a step, there is no yes afterwards.
//!
//! In a release build there is nothing of it.

use crate::reason::Step;

/// The number of the step at which to panic.
#[cfg(debug_assertions)]
const PANIC_AT: &str = "TALLYMARK_TEST_PANIC_AT_STEP";

/// Panics if the environment says so.
#[cfg(debug_assertions)]
#[expect(clippy::panic, reason = "a test asked for it")]
pub(crate) fn reach(step: Step) {
    if std::env::var_os(PANIC_AT).is_some_and(|at| at == *step.number().to_string()) {
        panic!("planted in step {}", step.number());
    }
}

/// Nothing.
#[cfg(not(debug_assertions))]
pub(crate) const fn reach(_: Step) {}
