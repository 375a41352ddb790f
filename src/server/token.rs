//! The secret that a browser holds, and what the server keeps of it.

use std::fmt;

use sha2::{Digest, Sha256};

use super::random;
use crate::domain::{
    hex::{hex, unhex},
    person::SessionId,
};

/// What is kept of the secret in a link to another device: its SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkId(pub [u8; 32]);

/// 256 random bits in hexadecimal. Whoever has it is the person, or may become so: it is in a cookie, or
/// in a link, and nowhere else.
pub struct Token(String);

impl Token {
    /// # Errors
    /// When the operating system has no randomness to give.
    pub fn draw() -> Result<Self, getrandom::Error> {
        random::draw::<32>().map(|secret| Self(hex(&secret)))
    }

    /// What a browser sent. Anything that [`draw`](Self::draw) could not have made is nobody's.
    pub fn parse(raw: &str) -> Option<Self> {
        unhex::<32>(raw).map(|_| Self(raw.to_owned()))
    }

    /// What the session is known by.
    pub fn session(&self) -> SessionId {
        SessionId(self.digest())
    }

    /// What a link to another device is known by, if this is the secret in it.
    pub fn link(&self) -> LinkId {
        LinkId(self.digest())
    }

    fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }

    /// The secret itself, for the cookie.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(secret)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_parsed_back_to_the_same_session() {
        let token = Token::draw().unwrap();
        let parsed = Token::parse(token.reveal()).unwrap();
        assert_eq!(token.session().0, parsed.session().0);
        assert_ne!(token.session().0, Token::draw().unwrap().session().0);
    }

    #[test]
    fn nothing_else_is_a_token() {
        for raw in ["", "00", &"0".repeat(63), &"0".repeat(65), &"G".repeat(64), &"A".repeat(64)] {
            assert!(Token::parse(raw).is_none(), "{raw}");
        }
    }

    #[test]
    fn a_token_does_not_print_itself() {
        assert_eq!(format!("{:?}", Token::draw().unwrap()), "Token(secret)");
    }
}
