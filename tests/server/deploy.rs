//! What comes with the program to run it agrees with the program.

use std::collections::BTreeSet;

use flack::server::{config, run::GRACE};

const DOCKERFILE: &str = include_str!("../../Dockerfile");
const UNIT: &str = include_str!("../../deploy/flack.service");
const OPERATING: &str = include_str!("../../docs/operating.md");
const SETTINGS: &str = include_str!("../../docs/configuration.md");

/// The instructions of a Dockerfile, with what is continued on one line.
fn instructions(dockerfile: &str) -> Vec<(String, String)> {
    let lines = dockerfile.replace("\\\n", " ");
    let lines = lines.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    let split =
        lines.map(|line| line.split_once(' ').expect("an instruction and what it is about"));
    let tidy = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    split.map(|(name, about)| (name.to_owned(), tidy(about))).collect()
}

/// The value of a key that stands once in a unit, or all of them with spaces between.
fn unit(key: &str) -> String {
    let lines = UNIT.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    lines.collect::<Vec<_>>().join(" ")
}

#[test]
fn the_image_is_small_harmless_and_knows_its_program() {
    let all = instructions(DOCKERFILE);
    let stages: Vec<&str> =
        all.iter().filter(|(name, _)| name == "FROM").map(|(_, from)| from.as_str()).collect();
    let [build, image] = stages[..] else { panic!("two stages: {stages:?}") };
    let rust = concat!("rust:", env!("CARGO_PKG_RUST_VERSION"), "-");
    assert!(build.starts_with(rust) && image.ends_with(":nonroot"), "{stages:?}");
    // The C library of the program is that of the image.
    assert!(build.contains("bookworm") && image.contains("debian12"), "{stages:?}");

    let last = all.iter().rposition(|(name, _)| name == "FROM").unwrap();
    let of = |name: &str| {
        let found = all[last..].iter().find(|(other, _)| other == name);
        found.unwrap_or_else(|| panic!("{name} is missing")).1.as_str()
    };
    assert!(all[last..].iter().all(|(name, _)| name != "RUN"), "there is no shell");
    let (user, _) = of("USER").split_once(':').expect("a user and a group");
    assert!(user.parse::<u32>().expect("a number, which needs no list of users") > 0);
    assert!(of("ENV").contains(&format!("FLACK_DATA_DIR={}", of("VOLUME"))));
    assert!(of("ENV").contains(&format!("LEPTOS_SITE_ADDR=0.0.0.0:{}", of("EXPOSE"))));
    let program: Vec<String> = serde_json::from_str(of("ENTRYPOINT")).expect("no shell");
    let (_, check) = of("HEALTHCHECK").split_once("CMD ").expect("a command");
    let check: Vec<String> = serde_json::from_str(check).expect("no shell");
    assert_eq!(check[..1], program);
    assert!(config::command().find_subcommand(&check[1]).is_some());
}

#[test]
fn the_unit_gives_it_what_it_needs_and_no_more() {
    for key in ["DynamicUser", "NoNewPrivileges", "ProtectHome", "PrivateTmp", "PrivateDevices"] {
        assert_eq!(unit(key), "yes", "{key}");
    }
    assert_eq!(
        (unit("ProtectSystem").as_str(), unit("CapabilityBoundingSet").as_str()),
        ("strict", "")
    );
    let dir = format!("FLACK_DATA_DIR=/var/lib/{}", unit("StateDirectory"));
    assert!(unit("Environment").contains(&dir), "{dir}");
    assert_eq!(unit("RestartPreventExitStatus"), "78");
    let stop: u64 = unit("TimeoutStopSec").parse().expect("seconds");
    assert!(stop >= 2 * GRACE.as_secs(), "it is not killed while it lets go of everyone");
    let default = SETTINGS.lines().find(|line| line.starts_with("| `--max-connections "));
    let default = default.and_then(|line| line.split('|').nth(3)).expect("a default");
    let connections: u64 = default.trim().trim_matches('`').parse().expect("a number");
    assert!(unit("LimitNOFILE").parse::<u64>().expect("a number") > connections + 100);
}

#[test]
fn every_setting_that_is_named_is_there() {
    let names = |text: &str| {
        let words = text.split(|c: char| !c.is_ascii_uppercase() && c != '_');
        let ours = |word: &&str| word.starts_with("FLACK_") || word.starts_with("LEPTOS_");
        words.filter(ours).map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let known = names(SETTINGS);
    assert!(known.len() > 20);
    for (file, text) in [("Dockerfile", DOCKERFILE), ("unit", UNIT), ("operating.md", OPERATING)] {
        let named = names(text);
        assert!(!named.is_empty() && named.is_subset(&known), "{file}: {named:?}");
    }
}

/// The page for operators lists the numbers that there are, and alerts on no other ones.
#[tokio::test(flavor = "multi_thread")]
async fn every_number_is_explained() {
    let house = crate::support::house::House::open().await;
    let ask = crate::support::http::Ask::new(house.metrics_address(), "GET", "/metrics");
    let text = ask.await.expect(200).body;
    let told = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    // These have no value before the first.
    let counted = ["flack_answers_total", "flack_refusals_total", "flack_sockets_closed_total"];
    let told: BTreeSet<&str> = told.chain(counted).collect();
    let words = OPERATING.split(|c: char| !c.is_ascii_lowercase() && c != '_');
    let explained: BTreeSet<&str> = words
        .filter(|word| word.starts_with("flack_") || word.starts_with("process_"))
        .map(|word| word.strip_suffix("_bucket").unwrap_or(word))
        .collect();
    assert_eq!(told, explained);
}
