//! Reading JSON with little code, for what browsers download.
//!
//! What reads a type is generated for each type, and `serde_json`'s share in that is large: every
//! struct comes once as an object and once as an array, and every failure is told in words. Here a
//! type has one form, the one that it is written in, and all failures are one. That is a third of the
//! code, 20 kB less to download. The server, which reads what strangers send and says what is wrong
//! with it, uses `serde_json`.
//!
//! Numbers are whole ones; nothing in Flack is a fraction.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize,
    de::{self, DeserializeSeed, Deserializer, IntoDeserializer, Visitor},
    forward_to_deserialize_any,
};

/// It is no JSON (RFC 8259), or says something else than was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("malformed JSON")
    }
}

impl std::error::Error for Malformed {}

impl de::Error for Malformed {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

/// # Errors
/// When it is not the JSON of a `T`, and nothing else.
pub fn read<'de, T: Deserialize<'de>>(text: &'de str) -> Result<T, Malformed> {
    let mut reader = Reader { text, at: 0 };
    let value = T::deserialize(&mut reader)?;
    reader.end()?;
    Ok(value)
}

struct Reader<'de> {
    text: &'de str,
    /// How many bytes of it were read.
    at: usize,
}

/// How deep what is skipped may be nested.
const DEPTH: usize = 128;

impl<'de> Reader<'de> {
    fn end(&mut self) -> Result<(), Malformed> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(Malformed),
        }
    }

    /// The next byte.
    fn look(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The next byte that is no white space.
    fn peek(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.look() {
            self.at += 1;
        }
        self.look()
    }

    fn expect(&mut self, byte: u8) -> Result<(), Malformed> {
        if self.peek() != Some(byte) {
            return Err(Malformed);
        }
        self.at += 1;
        Ok(())
    }

    fn word(&mut self, word: &str) -> bool {
        self.peek();
        let is_next = self.text.as_bytes()[self.at..].starts_with(word.as_bytes());
        if is_next {
            self.at += word.len();
        }
        is_next
    }

    fn bool(&mut self) -> Result<bool, Malformed> {
        if self.word("true") {
            Ok(true)
        } else if self.word("false") {
            Ok(false)
        } else {
            Err(Malformed)
        }
    }

    /// Gives its digits, and whether it is negative.
    fn number(&mut self) -> Result<(u64, bool), Malformed> {
        let is_negative = self.peek() == Some(b'-');
        self.at += usize::from(is_negative);
        let from = self.at;
        while let Some(b'0'..=b'9') = self.look() {
            self.at += 1;
        }
        let digits = &self.text[from..self.at];
        let is_number = digits == "0" || !digits.starts_with('0');
        match digits.parse() {
            Ok(number) if is_number => Ok((number, is_negative)),
            _ => Err(Malformed),
        }
    }

    fn string(&mut self) -> Result<Cow<'de, str>, Malformed> {
        self.expect(b'"')?;
        let mut string = Cow::Borrowed("");
        loop {
            let from = self.at;
            while !matches!(self.look(), None | Some(b'"' | b'\\' | 0..0x20)) {
                self.at += 1;
            }
            string += &self.text[from..self.at];
            let end = self.look();
            self.at += 1;
            match end {
                Some(b'"') => return Ok(string),
                Some(b'\\') => string.to_mut().push(self.escaped()?),
                _ => return Err(Malformed),
            }
        }
    }

    /// What the letter after a backslash means.
    fn escaped(&mut self) -> Result<char, Malformed> {
        let letter = self.look().ok_or(Malformed)?;
        self.at += 1;
        Ok(match letter {
            b'"' | b'\\' | b'/' => char::from(letter),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let first = self.unit()?;
                let is_half = (0xd800..0xdc00).contains(&first);
                let is_pair = is_half && self.text.as_bytes()[self.at..].starts_with(b"\\u");
                let second = match is_pair {
                    true => {
                        self.at += 2;
                        Some(self.unit()?)
                    }
                    false => None,
                };
                let mut chars = char::decode_utf16([first].into_iter().chain(second));
                match (chars.next(), chars.next()) {
                    (Some(Ok(char)), None) => char,
                    _ => return Err(Malformed),
                }
            }
            _ => return Err(Malformed),
        })
    }

    /// Four hexadecimal digits.
    fn unit(&mut self) -> Result<u16, Malformed> {
        let digits = self.text.get(self.at..self.at + 4).ok_or(Malformed)?;
        self.at += 4;
        match digits.starts_with('+') {
            true => Err(Malformed),
            false => u16::from_str_radix(digits, 16).map_err(|_| Malformed),
        }
    }

    /// Passes over a value.
    fn skip(&mut self, depth: usize) -> Result<(), Malformed> {
        let end = match self.peek() {
            _ if depth == 0 => return Err(Malformed),
            Some(b'"') => return self.string().map(drop),
            Some(b't' | b'f') => return self.bool().map(drop),
            Some(b'n') if self.word("null") => return Ok(()),
            Some(b'[') => b']',
            Some(b'{') => b'}',
            _ => return self.number().map(drop),
        };
        let mut parts = self.parts(end)?;
        while parts.has_next()? {
            if end == b'}' {
                parts.reader.key()?;
            }
            parts.reader.skip(depth - 1)?;
        }
        Ok(())
    }

    /// A name, and what divides it from its value.
    fn key(&mut self) -> Result<Cow<'de, str>, Malformed> {
        let name = self.string()?;
        self.expect(b':')?;
        Ok(name)
    }

    /// Goes into an array or object, which ends so.
    fn parts(&mut self, end: u8) -> Result<Parts<'_, 'de>, Malformed> {
        // In ASCII the brackets are two apart.
        self.expect(end - 2)?;
        Ok(Parts { reader: self, end, state: Inside::Before })
    }
}

/// What is in an array or object.
struct Parts<'a, 'de> {
    reader: &'a mut Reader<'de>,
    end: u8,
    state: Inside,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    Before,
    Between,
    After,
}

impl Parts<'_, '_> {
    fn has_next(&mut self) -> Result<bool, Malformed> {
        let is_end = self.reader.peek() == Some(self.end);
        match self.state {
            Inside::After => return Ok(false),
            _ if is_end => {
                self.reader.at += 1;
                self.state = Inside::After;
                return Ok(false);
            }
            Inside::Before => self.state = Inside::Between,
            Inside::Between => {
                self.reader.expect(b',')?;
                if self.reader.peek() == Some(self.end) {
                    return Err(Malformed);
                }
            }
        }
        Ok(true)
    }

    /// Whoever reads pairs does not ask for a third.
    fn end(&mut self) -> Result<(), Malformed> {
        match self.has_next()? {
            true => Err(Malformed),
            false => Ok(()),
        }
    }
}

impl<'de> de::SeqAccess<'de> for Parts<'_, 'de> {
    type Error = Malformed;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Malformed> {
        match self.has_next()? {
            true => seed.deserialize(&mut *self.reader).map(Some),
            false => Ok(None),
        }
    }
}

impl<'de> de::MapAccess<'de> for Parts<'_, 'de> {
    type Error = Malformed;

    fn next_key_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Malformed> {
        match self.has_next()? {
            true => seed.deserialize((&*self.reader.key()?).into_deserializer()).map(Some),
            false => Ok(None),
        }
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Malformed> {
        seed.deserialize(&mut *self.reader)
    }
}

/// The one entry of an object, which names a variant and has what is in it.
impl<'de> de::EnumAccess<'de> for Parts<'_, 'de> {
    type Error = Malformed;
    type Variant = Self;

    fn variant_seed<T: DeserializeSeed<'de>>(
        mut self,
        seed: T,
    ) -> Result<(T::Value, Self), Malformed> {
        self.has_next()?;
        let variant = seed.deserialize((&*self.reader.key()?).into_deserializer())?;
        Ok((variant, self))
    }
}

impl<'de> de::VariantAccess<'de> for Parts<'_, 'de> {
    type Error = Malformed;

    fn unit_variant(mut self) -> Result<(), Malformed> {
        match self.reader.word("null") {
            true => self.end(),
            false => Err(Malformed),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(
        mut self,
        seed: T,
    ) -> Result<T::Value, Malformed> {
        let value = seed.deserialize(&mut *self.reader)?;
        self.end()?;
        Ok(value)
    }

    fn tuple_variant<V: Visitor<'de>>(
        mut self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Malformed> {
        let value = self.reader.deserialize_tuple(length, visitor)?;
        self.end()?;
        Ok(value)
    }

    fn struct_variant<V: Visitor<'de>>(
        mut self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Malformed> {
        let value = self.reader.deserialize_struct("", fields, visitor)?;
        self.end()?;
        Ok(value)
    }
}

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = Malformed;

    /// For types that do not say what they are.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Malformed> {
        match self.peek() {
            Some(b'"') => self.deserialize_str(visitor),
            Some(b't' | b'f') => visitor.visit_bool(self.bool()?),
            Some(b'n') if self.word("null") => visitor.visit_unit(),
            Some(b'[') => self.deserialize_seq(visitor),
            Some(b'{') => self.deserialize_map(visitor),
            _ => self.deserialize_i64(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Malformed> {
        visitor.visit_bool(self.bool()?)
    }

    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Malformed> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Malformed> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Malformed> {
        match self.number()? {
            (number, false) => visitor.visit_u64(number),
            (_, true) => Err(Malformed),
        }
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Malformed> {
        match self.number()? {
            (number, false) => visitor.visit_u64(number),
            (number, true) => match 0_i64.checked_sub_unsigned(number) {
                Some(number) => visitor.visit_i64(number),
                None => Err(Malformed),
            },
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Malformed> {
        visitor.visit_str(&self.string()?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Malformed> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Malformed> {
        match self.word("null") {
            true => visitor.visit_none(),
            false => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Malformed> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Malformed> {
        let mut parts = self.parts(b']')?;
        let value = visitor.visit_seq(&mut parts)?;
        parts.end()?;
        Ok(value)
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Malformed> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Malformed> {
        let mut parts = self.parts(b'}')?;
        let value = visitor.visit_map(&mut parts)?;
        parts.end()?;
        Ok(value)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Malformed> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Malformed> {
        match self.peek() {
            Some(b'"') => visitor.visit_enum((&*self.string()?).into_deserializer()),
            _ => visitor.visit_enum(self.parts(b'}')?),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Malformed> {
        self.skip(DEPTH)?;
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i128 u8 u128 f32 f64 char bytes byte_buf unit unit_struct tuple_struct identifier
    }
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, string::string_regex};
    use serde_json::{Map, Value};

    use super::*;

    fn values() -> impl Strategy<Value = Value> {
        let plain = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        plain.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((any::<String>(), inner), 0..4)
                    .prop_map(|entries| Value::from(Map::from_iter(entries))),
            ]
        })
    }

    /// Text that is JSON, or close to it.
    fn texts() -> impl Strategy<Value = String> {
        let noise =
            string_regex(r#"([\[\]{}:," \n]|\\["\\/bfnrtu]|[0-9a-f-]{1,4}|true|null|"a"){0,12}"#);
        prop_oneof![
            noise.expect("it is one"),
            (values(), any::<prop::sample::Index>(), "[\\[\\]{}:,\"\\\\0-9a ]?").prop_map(
                |(value, at, with)| {
                    let text = value.to_string();
                    let at = (0..=at.index(text.len() + 1))
                        .rev()
                        .find(|at| text.is_char_boundary(*at))
                        .unwrap_or_default();
                    format!("{}{with}{}", &text[..at], text[at..].get(1..).unwrap_or_default())
                }
            ),
        ]
    }

    proptest! {
        #[test]
        fn what_serde_json_writes_is_read_the_same(value in values()) {
            prop_assert_eq!(read::<Value>(&value.to_string()), Ok(value.clone()));
            let pretty = serde_json::to_string_pretty(&value).expect("a value is JSON");
            prop_assert_eq!(read::<Value>(&pretty), Ok(value));
        }

        #[test]
        fn what_serde_json_refuses_is_refused(text in texts()) {
            if let Ok(value) = read::<Value>(&text) {
                prop_assert_eq!(serde_json::from_str::<Value>(&text).ok(), Some(value));
            }
        }

        #[test]
        fn what_is_skipped_is_json(text in texts()) {
            let is_json = serde_json::from_str::<de::IgnoredAny>(&text).is_ok();
            let is_skipped = read::<de::IgnoredAny>(&text).is_ok();
            prop_assert!(is_json || !is_skipped);
        }
    }

    #[derive(Debug, PartialEq, Eq, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        Plain,
        Pair(u8, u8),
        Named { a: bool },
        One(String),
    }

    #[test]
    fn enums_have_the_form_that_serde_gives_them() {
        assert_eq!(read(r#""plain""#), Ok(Kind::Plain));
        assert_eq!(read(r#"{"plain":null}"#), Ok(Kind::Plain));
        assert_eq!(read(r#"{"pair":[1,2]}"#), Ok(Kind::Pair(1, 2)));
        assert_eq!(read(r#"{"named":{"b":[{}],"a":true}}"#), Ok(Kind::Named { a: true }));
        assert_eq!(read(r#"{"one":"\ud83d\ude00\n"}"#), Ok(Kind::One("😀\n".to_owned())));
        for text in [
            "{}",
            r#"{"pair":[1,2],"x":1}"#,
            r#"{"pair":[1,2,3]}"#,
            r#"{"one":"\ud83d"}"#,
            r#"{"one":"\ud83d \ude00"}"#,
            "plain",
        ] {
            assert_eq!(read::<Kind>(text), Err(Malformed), "{text}");
        }
    }

    #[test]
    fn nothing_nests_without_end() {
        let deep = |depth| "[".repeat(depth) + &"]".repeat(depth);
        assert!(read::<de::IgnoredAny>(&deep(100)).is_ok());
        assert!(read::<de::IgnoredAny>(&deep(1_000_000)).is_err());
    }
}
