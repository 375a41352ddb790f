//! What an operator can set, and where: on the command line, in the environment, in `Leptos.toml`.

use std::{
    env,
    ffi::OsString,
    fmt, fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use axum::http::Uri;
use clap::{Arg, ArgMatches, Command};
use tracing_subscriber::filter::Targets;

use super::{
    admin, backup,
    files::FileLimits,
    flack::Limits,
    healthcheck,
    network::{ConnectionLimits, Proxies},
    rates::RateLimits,
};
use crate::domain::attachment::AttachmentLimits;

/// One setting, under its three names.
struct Setting {
    /// On the command line after `--`, and the key in `Leptos.toml`.
    name: &'static str,
    env: &'static str,
    value: &'static str,
    help: &'static str,
    /// What else there is to know; may be empty.
    more: &'static str,
    default: Option<&'static str>,
}

const ADDRESS: Setting = Setting {
    name: "site-addr",
    env: "LEPTOS_SITE_ADDR",
    value: "ADDRESS:PORT",
    help: "Where to listen",
    more: "127.0.0.1 is for this machine alone; 0.0.0.0 is for everybody who can reach it.",
    default: Some("127.0.0.1:3000"),
};
const METRICS_ADDR: Setting = Setting {
    name: "metrics-addr",
    env: "FLACK_METRICS_ADDR",
    value: "ADDRESS:PORT",
    help: "Where to tell numbers about the server, at /metrics, such as 127.0.0.1:9464",
    more: "Whoever reaches it may read them, so let it be an address that people do not reach. There is nothing in them about anybody.",
    default: None,
};
const DATA_DIR: Setting = Setting {
    name: "data-dir",
    env: "FLACK_DATA_DIR",
    value: "DIRECTORY",
    help: "Where everything is kept; made if it is not there",
    more: "",
    default: Some("flack-data"),
};
const ORIGIN: Setting = Setting {
    name: "origin",
    env: "FLACK_ORIGIN",
    value: "URL",
    help: "The address that browsers use, such as https://chat.example.org, behind a proxy",
    more: "With https://, cookies become Secure and browsers are told to stay with TLS. Without it, requests have to come from the address that they ask for.",
    default: None,
};
const LOG: Setting = Setting {
    name: "log",
    env: "RUST_LOG",
    value: "LEVEL",
    help: "What to log: error, warn, info, debug, trace, or a filter such as flack=debug",
    more: "Names and what people write are never logged, at any level.",
    default: Some("info"),
};
const LOG_FORMAT: Setting = Setting {
    name: "log-format",
    env: "FLACK_LOG_FORMAT",
    value: "text|json",
    help: "How to log",
    more: "",
    default: Some("text"),
};
const MAX_SOCKETS: Setting = Setting {
    name: "max-sockets",
    env: "FLACK_MAX_SOCKETS",
    value: "NUMBER",
    help: "How many pages may be connected at once",
    more: "Whoever comes beyond that is told to come back later.",
    default: Some("10000"),
};
const MAX_PEOPLE: Setting = Setting {
    name: "max-people",
    env: "FLACK_MAX_PEOPLE",
    value: "NUMBER",
    help: "How many display names may be taken",
    more: "",
    default: Some("100000"),
};
const MAX_CHANNELS: Setting = Setting {
    name: "max-channels",
    env: "FLACK_MAX_CHANNELS",
    value: "NUMBER",
    help: "How many channels there may be",
    more: "",
    default: Some("1000"),
};

const TRUSTED_PROXIES: Setting = Setting {
    name: "trusted-proxies",
    env: "FLACK_TRUSTED_PROXIES",
    value: "ADDRESS[/BITS],…",
    help: "Proxies whose X-Forwarded-For or Forwarded is believed, such as 127.0.0.1,10.0.0.0/8",
    more: "Without it, all who come through a proxy come from its address, and share its limits; the log says so once.",
    default: None,
};
const MAX_CONNECTIONS: Setting = Setting {
    name: "max-connections",
    env: "FLACK_MAX_CONNECTIONS",
    value: "NUMBER",
    help: "How many connections there may be, with the pages' own; 0 for as many as there are files",
    more: "Each takes a file, so that the operating system has a say, too.",
    default: Some("12000"),
};
const MAX_CONNECTIONS_PER_ADDRESS: Setting = Setting {
    name: "max-connections-per-address",
    env: "FLACK_MAX_CONNECTIONS_PER_ADDRESS",
    value: "NUMBER",
    help: "How many of them may come from one address; 0 for any number",
    more: "An IPv6 network of 64 bits counts as one address.",
    default: Some("2000"),
};
const RATE_MESSAGES: Setting = Setting {
    name: "rate-messages",
    env: "FLACK_RATE_MESSAGES",
    value: "NUMBER",
    help: "Messages, edits, deletions and reactions of one person in a minute; 0 here and below for any number",
    more: "",
    default: Some("300"),
};
const RATE_FRAMES: Setting = Setting {
    name: "rate-frames",
    env: "FLACK_RATE_FRAMES",
    value: "NUMBER",
    help: "Frames of one live socket in a minute",
    more: "",
    default: Some("1200"),
};
const RATE_REQUESTS: Setting = Setting {
    name: "rate-requests",
    env: "FLACK_RATE_REQUESTS",
    value: "NUMBER",
    help: "Requests of one person in a minute, but for what is only read of files",
    more: "",
    default: Some("600"),
};
const RATE_SOCKETS: Setting = Setting {
    name: "rate-sockets",
    env: "FLACK_RATE_SOCKETS",
    value: "NUMBER",
    help: "Live sockets that one person opens in a minute",
    more: "",
    default: Some("120"),
};
const RATE_CHANNELS: Setting = Setting {
    name: "rate-channels",
    env: "FLACK_RATE_CHANNELS",
    value: "NUMBER",
    help: "Channels that one person creates, and topics that they set, in an hour",
    more: "",
    default: Some("60"),
};
const RATE_SIGN_INS: Setting = Setting {
    name: "rate-sign-ins",
    env: "FLACK_RATE_SIGN_INS",
    value: "NUMBER",
    help: "Names that are asked for from one address in an hour",
    more: "",
    default: Some("300"),
};
const GATHER: Setting = Setting {
    name: "gather",
    env: "FLACK_GATHER",
    value: "MILLISECONDS",
    help: "How long messages of a busy room may be gathered, to go out together",
    more: "A room is busy when telling all who look at it takes a tenth of a processor. 0 tells each message by itself, which costs two to four times as much.",
    default: Some("35"),
};
const MAX_FILE_SIZE: Setting = Setting {
    name: "max-file-size",
    env: "FLACK_MAX_FILE_SIZE",
    value: "SIZE",
    help: "How large one file may be",
    more: "Sizes are in KiB, MiB, GiB, TiB or bytes, here and below.",
    default: Some("25MiB"),
};
const MAX_FILES: Setting = Setting {
    name: "max-files",
    env: "FLACK_MAX_FILES",
    value: "NUMBER",
    help: "How many files one message may have",
    more: "",
    default: Some("10"),
};
const MAX_STORAGE_PER_PERSON: Setting = Setting {
    name: "max-storage-per-person",
    env: "FLACK_MAX_STORAGE_PER_PERSON",
    value: "SIZE",
    help: "How much all files of one person may take",
    more: "A small one counts as 4 KiB.",
    default: Some("1GiB"),
};
const MAX_STORAGE: Setting = Setting {
    name: "max-storage",
    env: "FLACK_MAX_STORAGE",
    value: "SIZE",
    help: "How much all files may take",
    more: "The same content counts once.",
    default: Some("10GiB"),
};

/// All settings, by what they are about.
const SETTINGS: [(&str, &[&Setting]); 5] = [
    ("Where", &[&ADDRESS, &DATA_DIR, &ORIGIN, &TRUSTED_PROXIES, &METRICS_ADDR]),
    ("What to log", &[&LOG, &LOG_FORMAT]),
    (
        "How many at once",
        &[&MAX_SOCKETS, &MAX_PEOPLE, &MAX_CHANNELS, &MAX_CONNECTIONS, &MAX_CONNECTIONS_PER_ADDRESS],
    ),
    (
        "How often",
        &[
            &RATE_MESSAGES,
            &RATE_FRAMES,
            &RATE_REQUESTS,
            &RATE_SOCKETS,
            &RATE_CHANNELS,
            &RATE_SIGN_INS,
            &GATHER,
        ],
    ),
    ("Files", &[&MAX_FILE_SIZE, &MAX_FILES, &MAX_STORAGE_PER_PERSON, &MAX_STORAGE]),
];

fn settings() -> impl Iterator<Item = &'static Setting> {
    SETTINGS.iter().flat_map(|(_, settings)| settings.iter().copied())
}

const NUMBER: &str = "a whole number";

/// The file in the working directory that settings may stand in.
const FILE: &str = "Leptos.toml";

/// All settings, valid.
#[derive(Clone, Debug)]
pub struct Config {
    pub address: SocketAddr,
    /// Where numbers are told, if anywhere.
    pub metrics: Option<SocketAddr>,
    pub data_dir: PathBuf,
    pub origin: Option<Origin>,
    /// Whose word counts for where a request came from.
    pub proxies: Proxies,
    pub log: Targets,
    pub log_format: LogFormat,
    pub connections: ConnectionLimits,
    pub limits: Limits,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}

/// Scheme, host and port, as browsers write them (RFC 6454 §6.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(String);

impl Origin {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn is_secure(&self) -> bool {
        self.0.starts_with("https://")
    }
}

/// Which setting is bad, where it stands, and why.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The setting's name where it was found, such as `FLACK_DATA_DIR`.
    pub setting: String,
    pub reason: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.setting, self.reason)
    }
}

impl std::error::Error for ConfigError {}

/// The command line, for `--help` and for parsing.
pub fn command() -> Command {
    let command = Command::new("flack")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Flack: self-hosted team chat. One program, one directory.")
        .after_help(
            "Each setting may also stand in the environment, under the name in brackets, or in \
             Leptos.toml in the working directory. The command line wins over the environment, \
             which wins over the file.",
        );
    let command = command
        .subcommand(admin::command())
        .subcommand(backup::backup_command())
        .subcommand(backup::restore_command())
        .subcommand(healthcheck::command())
        .disable_help_subcommand(true);
    settings().fold(command, |command, setting| {
        let default = setting.default.map(|default| format!(" [default: {default}]"));
        let help = format!("{}{} [{}]", setting.help, default.unwrap_or_default(), setting.env);
        let argument = Arg::new(setting.name).long(setting.name).value_name(setting.value);
        let argument = match setting.more {
            "" => argument,
            more => argument.long_help(format!("{help}\n{more}")),
        };
        command.arg(argument.help(help))
    })
}

impl Config {
    /// The settings of this process: its arguments, its environment, and `Leptos.toml` in its
    /// working directory.
    ///
    /// # Errors
    /// The first setting that is bad.
    pub fn load(arguments: &ArgMatches) -> Result<Self, ConfigError> {
        let file = File::read(Path::new(FILE))?;
        Sources { arguments, environment: &|name| env::var_os(name), file: &file }.config()
    }
}

struct Sources<'a> {
    arguments: &'a ArgMatches,
    environment: &'a dyn Fn(&str) -> Option<OsString>,
    file: &'a File,
}

impl Sources<'_> {
    fn config(&self) -> Result<Config, ConfigError> {
        self.file.check()?;
        Ok(Config {
            address: self.parse(&ADDRESS, "an address with a port, such as 127.0.0.1:3000")?,
            metrics: self
                .optional(&METRICS_ADDR, "an address with a port, such as 127.0.0.1:9464")?,
            data_dir: self.parse(&DATA_DIR, "a directory")?,
            origin: self.optional(&ORIGIN, "an address such as https://chat.example.org")?,
            proxies: self
                .optional(&TRUSTED_PROXIES, "a list of addresses, such as 127.0.0.1,10.0.0.0/8")?
                .unwrap_or_default(),
            log: self.parse::<Filter>(&LOG, "a log level or filter, such as info")?.0,
            log_format: self.parse(&LOG_FORMAT, "text or json")?,
            connections: ConnectionLimits {
                all: self.parse(&MAX_CONNECTIONS, NUMBER)?,
                of_one_address: self.parse(&MAX_CONNECTIONS_PER_ADDRESS, NUMBER)?,
            },
            limits: Limits {
                sockets: self.parse(&MAX_SOCKETS, NUMBER)?,
                people: self.parse(&MAX_PEOPLE, NUMBER)?,
                channels: self.parse(&MAX_CHANNELS, NUMBER)?,
                gather: Duration::from_millis(self.parse(&GATHER, NUMBER)?),
                rates: RateLimits {
                    messages: self.parse(&RATE_MESSAGES, NUMBER)?,
                    frames: self.parse(&RATE_FRAMES, NUMBER)?,
                    requests: self.parse(&RATE_REQUESTS, NUMBER)?,
                    sockets: self.parse(&RATE_SOCKETS, NUMBER)?,
                    channels: self.parse(&RATE_CHANNELS, NUMBER)?,
                    sign_ins: self.parse(&RATE_SIGN_INS, NUMBER)?,
                },
                files: FileLimits {
                    attachments: AttachmentLimits {
                        file: self.size(&MAX_FILE_SIZE)?,
                        files: self.parse(&MAX_FILES, NUMBER)?,
                    },
                    person: self.size(&MAX_STORAGE_PER_PERSON)?,
                    all: self.size(&MAX_STORAGE)?,
                },
            },
        })
    }

    fn size(&self, setting: &Setting) -> Result<u64, ConfigError> {
        Ok(self.parse::<Size>(setting, "a size, such as 25MiB, 1GiB or a number of bytes")?.0)
    }

    fn parse<T: FromStr>(&self, setting: &Setting, what: &str) -> Result<T, ConfigError> {
        let value = self.optional(setting, what)?;
        value.ok_or_else(|| ConfigError {
            setting: setting.env.to_owned(),
            reason: "is not set".to_owned(),
        })
    }

    fn optional<T: FromStr>(
        &self,
        setting: &Setting,
        what: &str,
    ) -> Result<Option<T>, ConfigError> {
        let Some((found, value)) = self.find(setting)? else { return Ok(None) };
        match value.parse() {
            Ok(parsed) if !value.is_empty() => Ok(Some(parsed)),
            _ => {
                let reason = format!("{value:?} is not {what}");
                Err(ConfigError { setting: found, reason })
            }
        }
    }

    /// The value that wins, and its name there.
    ///
    /// # Errors
    /// When it is none that can be read: what somebody has set must not count as if nobody had.
    fn find(&self, setting: &Setting) -> Result<Option<(String, String)>, ConfigError> {
        if let Some(value) = self.arguments.get_one::<String>(setting.name) {
            return Ok(Some((format!("--{}", setting.name), value.clone())));
        }
        let name = setting.env.to_owned();
        if let Some(value) = (self.environment)(setting.env) {
            return match value.into_string() {
                Ok(value) => Ok(Some((name, value))),
                Err(value) => {
                    let reason = format!("{value:?} is not UTF-8");
                    Err(ConfigError { setting: name, reason })
                }
            };
        }
        let in_file = |value| (format!("{} in {FILE}", setting.name), value);
        let default = || Some((setting.name.to_owned(), setting.default?.to_owned()));
        Ok(self.file.value(setting.name).map(in_file).or_else(default))
    }
}

/// `Leptos.toml`: the table that Leptos reads, and one of our own.
#[derive(Debug, Default)]
struct File {
    leptos: toml::Table,
    flack: toml::Table,
}

impl File {
    fn read(path: &Path) -> Result<Self, ConfigError> {
        match fs::read_to_string(path) {
            Ok(text) => Self::parse(&text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(ConfigError { setting: FILE.to_owned(), reason: error.to_string() }),
        }
    }

    fn parse(text: &str) -> Result<Self, ConfigError> {
        let file: toml::Table = text.parse().map_err(|error: toml::de::Error| ConfigError {
            setting: FILE.to_owned(),
            reason: error.message().to_owned(),
        })?;
        let table = |path: &[&str]| {
            let found = path.iter().try_fold(&file, |table, key| table.get(*key)?.as_table());
            found.cloned().unwrap_or_default()
        };
        Ok(Self { leptos: table(&["package", "metadata", "leptos"]), flack: table(&["flack"]) })
    }

    /// A setting with a typing error would otherwise be passed over in silence.
    fn check(&self) -> Result<(), ConfigError> {
        let unknown = self
            .flack
            .keys()
            .find(|key| !settings().any(|setting| setting.name == **key && *key != ADDRESS.name));
        match unknown {
            Some(key) => Err(ConfigError {
                setting: format!("{key} in {FILE}"),
                reason: "there is no such setting".to_owned(),
            }),
            None => Ok(()),
        }
    }

    fn value(&self, name: &str) -> Option<String> {
        let table = if name == ADDRESS.name { &self.leptos } else { &self.flack };
        Some(match table.get(name)? {
            toml::Value::String(text) => text.clone(),
            other => other.to_string(),
        })
    }
}

struct Filter(Targets);

impl FromStr for Filter {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        // A lone word that is no level would be taken for the name of a module.
        let is_level = ["off", "error", "warn", "info", "debug", "trace"].contains(&text);
        let is_filter = is_level || text.contains(['=', ',', ':']);
        if is_filter { text.parse().map(Self).map_err(drop) } else { Err(()) }
    }
}

/// A number of bytes, perhaps in one of the units of 1,024 (IEC 80000-13).
struct Size(u64);

impl FromStr for Size {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
        let unit = match text[digits.len()..].trim() {
            "" | "B" => 1,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            "TiB" => 1 << 40,
            _ => return Err(()),
        };
        let size: u64 = digits.parse().map_err(drop)?;
        size.checked_mul(unit).map(Size).ok_or(())
    }
}

impl FromStr for LogFormat {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "text" => Ok(LogFormat::Text),
            "json" => Ok(LogFormat::Json),
            _ => Err(()),
        }
    }
}

impl FromStr for Origin {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let uri: Uri = text.parse().map_err(drop)?;
        let (scheme, authority) = (uri.scheme_str().ok_or(())?, uri.authority().ok_or(())?);
        let is_origin = matches!(scheme, "http" | "https")
            && !authority.as_str().contains('@')
            && uri.path_and_query().is_none_or(|path| path == "/");
        is_origin.then(|| Self(format!("{scheme}://{authority}").to_lowercase())).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(
        arguments: &[&str],
        environment: &[(&str, &str)],
        file: &str,
    ) -> Result<Config, ConfigError> {
        load_from(arguments, file, |name| {
            let found = environment.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).into())
        })
    }

    fn load_from(
        arguments: &[&str],
        file: &str,
        environment: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Config, ConfigError> {
        let arguments = std::iter::once("flack").chain(arguments.iter().copied());
        let arguments = command().try_get_matches_from(arguments).unwrap();
        let file = File::parse(file)?;
        Sources { arguments: &arguments, environment: &environment, file: &file }.config()
    }

    #[test]
    fn nothing_configured_is_a_complete_configuration() {
        let config = load(&[], &[], "").unwrap();
        assert_eq!(config.address.to_string(), "127.0.0.1:3000");
        assert_eq!(config.data_dir, Path::new("flack-data"));
        assert_eq!(config.origin, None);
    }

    #[test]
    fn the_command_line_wins_over_the_environment_over_the_file() {
        let file = "[flack]\nmax-sockets = 1\nmax-people = 1\nmax-channels = 1";
        let environment = [("FLACK_MAX_SOCKETS", "2"), ("FLACK_MAX_PEOPLE", "2")];
        let limits = load(&["--max-sockets", "3"], &environment, file).unwrap().limits;
        assert_eq!((limits.sockets, limits.people, limits.channels), (3, 2, 1));
    }

    #[test]
    fn a_bad_setting_is_named_where_it_stands() {
        for (arguments, environment, file, setting) in [
            (vec!["--site-addr", "here"], vec![], "", "--site-addr"),
            (vec![], vec![("LEPTOS_SITE_ADDR", "localhost")], "", "LEPTOS_SITE_ADDR"),
            (vec![], vec![("FLACK_DATA_DIR", "")], "", "FLACK_DATA_DIR"),
            (vec![], vec![("FLACK_MAX_SOCKETS", "-1")], "", "FLACK_MAX_SOCKETS"),
            (vec![], vec![("FLACK_RATE_MESSAGES", "1.5")], "", "FLACK_RATE_MESSAGES"),
            (vec![], vec![("FLACK_TRUSTED_PROXIES", "proxy")], "", "FLACK_TRUSTED_PROXIES"),
            (vec![], vec![("RUST_LOG", "loud")], "", "RUST_LOG"),
            (vec![], vec![("FLACK_ORIGIN", "chat.example.org")], "", "FLACK_ORIGIN"),
            (vec![], vec![("FLACK_ORIGIN", "https://a.example/x")], "", "FLACK_ORIGIN"),
            (vec![], vec![("FLACK_MAX_FILE_SIZE", "25 MB")], "", "FLACK_MAX_FILE_SIZE"),
            (vec![], vec![("FLACK_MAX_STORAGE", "99999999TiB")], "", "FLACK_MAX_STORAGE"),
            (vec![], vec![], "[flack]\nlog-format = 3", "log-format in Leptos.toml"),
            (vec![], vec![], "[flack]\nmax-chanels = 3", "max-chanels in Leptos.toml"),
            (vec![], vec![], "[flack", "Leptos.toml"),
        ] {
            let error = load(&arguments, &environment, file).unwrap_err();
            assert_eq!(error.setting, setting, "{error}");
        }
    }

    #[test]
    fn what_is_not_text_is_a_bad_setting_and_not_none() {
        use std::os::unix::ffi::OsStringExt;
        for name in ["FLACK_DATA_DIR", "FLACK_ORIGIN", "FLACK_MAX_PEOPLE"] {
            let set =
                |other: &str| (other == name).then(|| OsString::from_vec(b"caf\xE9".to_vec()));
            let error = load_from(&[], "", set).unwrap_err();
            assert_eq!(error.to_string(), format!("{name}: \"caf\\xE9\" is not UTF-8"));
        }
        // What wins over it is not asked for it.
        let set = |_: &str| Some(OsString::from_vec(vec![0xE9]));
        assert_eq!(
            load_from(&["--site-addr", "here"], "", set).unwrap_err().setting,
            "--site-addr"
        );
    }

    #[test]
    fn a_size_has_a_unit_or_none() {
        let files = load(&["--max-file-size", "512KiB"], &[], "[flack]\nmax-storage = 4096");
        let files = files.unwrap().limits.files;
        assert_eq!((files.attachments.file, files.all), (512 * 1_024, 4_096));
        assert_eq!((files.person, files.attachments.files), (1 << 30, 10));
    }

    #[test]
    fn an_origin_is_written_as_browsers_write_it() {
        let origin: Origin = "HTTPS://Chat.Example.org/".parse().unwrap();
        assert_eq!(origin.as_str(), "https://chat.example.org");
        assert!(origin.is_secure());
    }

    #[test]
    fn the_shipped_file_states_the_defaults_and_agrees_with_cargo() {
        let shipped = include_str!("../../Leptos.toml");
        let file = File::parse(shipped).unwrap();
        file.check().unwrap();
        for setting in settings() {
            assert_eq!(file.value(setting.name).as_deref(), setting.default, "{}", setting.name);
        }
        let cargo = File::parse(include_str!("../../Cargo.toml")).unwrap();
        for (key, value) in &file.leptos {
            assert_eq!(cargo.leptos.get(key), Some(value), "{key}");
        }
    }

    /// What docs/configuration.md is.
    fn reference() -> String {
        let mut text = "\
# Settings

<!-- Made from src/server/config.rs by `make docs`. -->

Nothing has to be set. Each setting can stand on the command line, in the environment, or in
`Leptos.toml` in the working directory, under the name of the command line without the hyphens before
it: in the table `[flack]`, and `site-addr` in `[package.metadata.leptos]`. The command line wins over
the environment, which wins over the file. A bad setting is refused at start, by its name, with exit
code 78.
"
        .to_owned();
        for (about, settings) in SETTINGS {
            text.push_str(&format!("\n## {about}\n\n"));
            text.push_str("| command line | environment | default | |\n|---|---|---|---|\n");
            for Setting { name, env, value, help, more, default } in settings {
                let default = default.map(|default| format!("`{default}`")).unwrap_or_default();
                let value = value.replace('|', "\\|");
                let help = match *more {
                    "" => (*help).to_owned(),
                    more => format!("{help}. {more}"),
                };
                text.push_str(&format!("| `--{name} {value}` | `{env}` | {default} | {help} |\n"));
            }
        }
        text.push_str(
            "
A rate lets so many through at once, and as many again over the period after that. All who share an
address have twenty times as much together, which a team of 200 behind one address does not meet.
",
        );
        text
    }

    #[test]
    fn the_reference_says_what_can_be_set() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/configuration.md");
        let made = reference();
        if env::var_os("FLACK_WRITE_DOCS").is_some() {
            fs::write(path, &made).unwrap();
        }
        let written = fs::read_to_string(path).unwrap_or_default();
        assert!(written == made, "docs/configuration.md is old: run `make docs`");
    }

    #[test]
    fn leptos_reads_the_shipped_file() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/Leptos.toml");
        let config = leptos::config::get_configuration(Some(path)).unwrap();
        assert_eq!(config.leptos_options.output_name.as_ref(), "flack");
    }
}
