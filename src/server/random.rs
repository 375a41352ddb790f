//! Random bytes of the operating system, which nobody can guess.

use crate::domain::refusal::Refusal;

/// # Errors
/// When the operating system has none to give.
pub fn draw<const N: usize>() -> Result<[u8; N], getrandom::Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

/// What people are told then.
pub fn refused(error: getrandom::Error) -> Refusal {
    tracing::error!(%error, "no randomness");
    Refusal::unavailable()
}
