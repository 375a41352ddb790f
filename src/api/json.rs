//! JSON on its way between the server functions and the client, which reads it with less code than the
//! server writes it with.

use bytes::Bytes;
use leptos::server_fn::{ContentType, Decodes, Encodes, Format, FormatType, codec::Post};
use serde::{Serialize, de::DeserializeOwned};

use crate::domain::json::{Malformed, read};

/// How server functions answer.
pub type Answer = Post<Json>;

pub struct Json;

impl ContentType for Json {
    const CONTENT_TYPE: &'static str = "application/json";
}

impl FormatType for Json {
    const FORMAT_TYPE: Format = Format::Text;
}

impl<T: Serialize> Encodes<T> for Json {
    type Error = serde_json::Error;

    fn encode(value: &T) -> Result<Bytes, Self::Error> {
        serde_json::to_vec(value).map(Bytes::from)
    }
}

impl<T: DeserializeOwned> Decodes<T> for Json {
    type Error = Malformed;

    fn decode(bytes: Bytes) -> Result<T, Malformed> {
        read(str::from_utf8(&bytes).map_err(|_| Malformed)?)
    }
}
