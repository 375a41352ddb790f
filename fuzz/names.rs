//! Names, texts, addresses and ids, as anybody may type them.

#![no_main]

use flack::{
    domain::{
        address::Address,
        attachment::FileName,
        command::CommandId,
        message::MessageText,
        name::{ChannelName, DisplayName},
        refusal::Refusal,
    },
    server::{look, token::Token},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|typed: &str| {
    match DisplayName::try_from(typed) {
        Ok(name) => {
            assert_eq!(DisplayName::try_from(name.as_str()), Ok(name.clone()), "tidy is tidy");
            assert!(!name.key().is_empty() && !name.initial().is_empty());
            assert!(!name.as_str().contains(char::is_control));
            assert!(look::of_person(&name).iter().all(|look| !look.is_empty()));
            look::is_reserved(&name);
        }
        Err(fault) => assert!(!Refusal::display_name(fault).to_string().is_empty()),
    }
    let file = FileName::from(typed);
    assert_eq!(FileName::from(file.as_str()), file, "clean is clean");
    assert!(!file.as_str().is_empty() && !file.as_str().contains(char::is_control));
    match ChannelName::try_from(typed) {
        Ok(name) => {
            assert!(!name.key().is_empty() && !look::of_channel(&name).is_empty());
            let path = name.path();
            assert!(path.is_ascii() && !path[3..].contains('/'));
            assert_eq!(Address::of(&path), Address::Channel(name.as_str().to_owned()));
        }
        Err(fault) => assert!(!Refusal::channel_name(fault).to_string().is_empty()),
    }
    match MessageText::try_from(typed) {
        Ok(text) => assert_eq!(MessageText::try_from(text.as_str()), Ok(text.clone())),
        Err(fault) => assert!(!Refusal::text(fault).to_string().is_empty()),
    }
    let _ = Address::of(typed);
    let _ = Token::parse(typed);
    if let Ok(id) = CommandId::try_from(typed.to_owned()) {
        assert_eq!(id.as_str(), typed);
    }
});
