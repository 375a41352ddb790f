//! What was measured, and how it compares.

use std::{collections::BTreeMap, fmt::Write};

use crate::{
    scenario::{Figure, Figures, SCENARIOS, Scenario},
    server::Kind,
};

/// What became of each server in each scenario.
#[derive(Default)]
pub struct Results(BTreeMap<(&'static str, Kind), Outcome>);

pub enum Outcome {
    /// What was found in each round.
    Measured(Vec<Figures>),
    /// It could not be measured, or did something wrong.
    Failed(String),
}

/// What Flack has to be.
struct Bar {
    what: &'static str,
    scenario: &'static str,
    of: Kind,
    figure: Figure,
    is: Is,
}

enum Is {
    /// At most so many times what the other server has.
    TimesOther(f64, Kind),
    /// At most so many times another figure of its own.
    TimesOwn(f64, Figure),
    Most(f64),
    Least(f64),
}

const BARS: &[Bar] = &[
    Bar {
        what: "paced, CPU for a delivery",
        scenario: "paced",
        of: Kind::Flack,
        figure: Figure::Cpu,
        is: Is::TimesOther(0.6, Kind::Floor),
    },
    Bar {
        what: "paced, CPU for a delivery",
        scenario: "paced",
        of: Kind::Flack,
        figure: Figure::Cpu,
        is: Is::TimesOther(0.35, Kind::Axum),
    },
    Bar {
        what: "paced, 99 of 100 deliveries",
        scenario: "paced",
        of: Kind::Flack,
        figure: Figure::P99,
        is: Is::Most(60.0),
    },
    Bar {
        what: "paced without rounds, CPU for a delivery",
        scenario: "paced",
        of: Kind::FlackWithoutRounds,
        figure: Figure::Cpu,
        is: Is::TimesOther(1.3, Kind::Floor),
    },
    Bar {
        what: "paced without rounds, CPU for a delivery",
        scenario: "paced",
        of: Kind::FlackWithoutRounds,
        figure: Figure::Cpu,
        is: Is::TimesOther(0.75, Kind::Axum),
    },
    Bar {
        what: "quiet, 99 of 100 deliveries",
        scenario: "quiet",
        of: Kind::Flack,
        figure: Figure::P99,
        is: Is::TimesOther(1.0, Kind::Axum),
    },
    Bar {
        what: "saturated, CPU for a delivery",
        scenario: "saturated",
        of: Kind::Flack,
        figure: Figure::Cpu,
        is: Is::TimesOther(0.4, Kind::Axum),
    },
    Bar {
        what: "many rooms, CPU for a delivery",
        scenario: "rooms",
        of: Kind::Flack,
        figure: Figure::Cpu,
        is: Is::TimesOther(0.7, Kind::Axum),
    },
    Bar {
        what: "connect, session and last 100 messages, CPU",
        scenario: "connect",
        of: Kind::Flack,
        figure: Figure::Cpu,
        is: Is::TimesOther(0.5, Kind::Axum),
    },
    Bar {
        what: "memory of an idle connection among 10,000",
        scenario: "idle",
        of: Kind::Flack,
        figure: Figure::Memory,
        is: Is::Most(2.5 * 1_024.0),
    },
    Bar {
        what: "all memory, for each of as many connections as there may be",
        scenario: "most",
        of: Kind::Flack,
        figure: Figure::Each,
        is: Is::Most(350.0 * 1_048_576.0 / 100_000.0),
    },
    Bar {
        what: "beside a slow reader, 99 of 100 deliveries",
        scenario: "slow",
        of: Kind::Flack,
        figure: Figure::P99Beside,
        is: Is::TimesOwn(1.1, Figure::P99),
    },
    Bar {
        what: "acknowledged, CPU for a message",
        scenario: "durable",
        of: Kind::Flack,
        figure: Figure::Cpu,
        is: Is::Most(40.0),
    },
    Bar {
        what: "acknowledged, messages a second",
        scenario: "durable",
        of: Kind::Flack,
        figure: Figure::Rate,
        is: Is::Least(20_000.0),
    },
    Bar {
        what: "acknowledged, messages for a sync",
        scenario: "durable",
        of: Kind::Flack,
        figure: Figure::Shared,
        is: Is::Least(48.0),
    },
];

/// On a disk that takes longer than this for a sync, in milliseconds, what counts is how many messages
/// share one; on a faster one, how many there are in a second.
const SLOW_SYNC: f64 = 2.0;

impl Results {
    /// Takes in what a round has found.
    pub fn add(&mut self, scenario: &Scenario, kind: Kind, figures: Figures) {
        let outcome = self.0.entry((scenario.name, kind));
        if let Outcome::Measured(rounds) = outcome.or_insert(Outcome::Measured(Vec::new())) {
            rounds.push(figures);
        }
    }

    pub fn fail(&mut self, scenario: &Scenario, kind: Kind, why: String) {
        self.0.insert((scenario.name, kind), Outcome::Failed(why));
    }

    /// Why a server could not be measured.
    pub fn failure(&self, scenario: &Scenario, kind: Kind) -> Option<&str> {
        match self.0.get(&(scenario.name, kind)) {
            Some(Outcome::Failed(why)) => Some(why),
            Some(Outcome::Measured(_)) | None => None,
        }
    }

    /// Whether Flack was wrong anywhere, or could not be measured.
    pub fn has_failed(&self) -> bool {
        let is_failed = |outcome| matches!(outcome, &Outcome::Failed(_));
        self.0.iter().any(|((_, kind), outcome)| kind.is_flack() && is_failed(outcome))
    }

    /// The median of all rounds.
    fn median(&self, scenario: &str, kind: Kind, figure: Figure) -> Option<f64> {
        let key = SCENARIOS.iter().find(|it| it.name == scenario)?.name;
        let Some(Outcome::Measured(rounds)) = self.0.get(&(key, kind)) else { return None };
        let of = |figures: &Figures| figures.iter().find(|it| it.0 == figure).map(|it| it.1);
        let mut values: Vec<f64> = rounds.iter().filter_map(of).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied()
    }

    /// What was measured, as Markdown.
    pub fn tables(&self) -> String {
        let mut text = String::new();
        for scenario in &SCENARIOS {
            if self.0.keys().any(|(name, _)| *name == scenario.name) {
                self.table(scenario, &mut text);
            }
        }
        text
    }

    fn table(&self, scenario: &Scenario, text: &mut String) {
        let Scenario { name, title, unit, figures, .. } = scenario;
        let main = figures[0];
        let has = |kind: Kind| self.median(name, kind, main).is_some();
        let others: Vec<Kind> =
            [Kind::Floor, Kind::Axum].into_iter().filter(|it| has(*it)).collect();
        let heads = figures.iter().map(|figure| figure.head(unit));
        let ratios = others.iter().map(|kind| format!("× {}", kind.name()));
        let heads: Vec<String> = heads.chain(ratios).collect();
        let lines = "---|".repeat(heads.len() + 1);
        let _ = write!(text, "### {title}\n\n| | {} |\n|{lines}\n", heads.join(" | "));
        for kind in Kind::ALL {
            let Some(outcome) = self.0.get(&(*name, kind)) else { continue };
            if let Outcome::Failed(why) = outcome {
                let rest = " |".repeat(heads.len() - 1);
                let _ = writeln!(text, "| {} | {why} |{rest}", kind.title());
                continue;
            }
            let own = |figure: Figure| self.median(name, kind, figure);
            let cells = figures.iter().map(|figure| match own(*figure) {
                Some(value) => figure.say(value),
                None => "–".to_owned(),
            });
            let ratios = others.iter().map(|other| {
                let ratio = own(main).zip(self.median(name, *other, main));
                ratio.map_or("–".to_owned(), |(own, other)| format!("{:.2}", own / other))
            });
            let cells: Vec<String> = cells.chain(ratios).collect();
            let _ = writeln!(text, "| {} | {} |", kind.title(), cells.join(" | "));
        }
        text.push('\n');
    }

    /// The bars that can be looked at, as Markdown, and whether all of them are met.
    pub fn verdict(&self) -> (String, bool) {
        let mut text = String::from("| what | is | bar | |\n|---|---|---|---|\n");
        let mut are_met = true;
        for bar in BARS {
            let own = |figure| self.median(bar.scenario, bar.of, figure);
            let Some(value) = own(bar.figure) else { continue };
            if let Some(sync) = own(Figure::Sync) {
                match bar.figure {
                    Figure::Rate if sync > SLOW_SYNC => continue,
                    Figure::Shared if sync <= SLOW_SYNC => continue,
                    _ => {}
                }
            }
            let of_other = |times: f64, other: Option<f64>, name: &str| {
                let ratio = value / other?;
                Some((ratio <= times, format!("{ratio:.2} × {name}"), format!("≤ {times:.2} ×")))
            };
            let figure = bar.figure;
            let found = match bar.is {
                Is::TimesOther(times, kind) => {
                    of_other(times, self.median(bar.scenario, kind, figure), kind.name())
                }
                Is::TimesOwn(times, other) => of_other(times, own(other), "without"),
                Is::Most(most) => {
                    Some((value <= most, figure.say(value), format!("≤ {}", figure.say(most))))
                }
                Is::Least(least) => {
                    Some((value >= least, figure.say(value), format!("≥ {}", figure.say(least))))
                }
            };
            let Some((is_met, is, bar_is)) = found else { continue };
            are_met &= is_met;
            let verdict = if is_met { "met" } else { "**NOT MET**" };
            let _ = writeln!(text, "| {} | {is} | {bar_is} | {verdict} |", bar.what);
        }
        (text, are_met)
    }
}

impl Figure {
    fn head(self, unit: &str) -> String {
        match self {
            Self::Cpu => format!("CPU for a {unit}"),
            Self::Rate => format!("{} a second", many(unit)),
            Self::Median => "half within".to_owned(),
            Self::P99 => "99 of 100 within".to_owned(),
            Self::P99Beside => "beside a slow reader, 99 of 100 within".to_owned(),
            Self::Memory => format!("memory of a {unit}"),
            Self::Resident => "all memory".to_owned(),
            Self::Each => format!("all memory, for each {unit}"),
            Self::Connections => "connections".to_owned(),
            Self::Shared => format!("{} for a sync", many(unit)),
            Self::Sync => "a sync of this disk by itself".to_owned(),
            Self::Frame => "bytes of a message".to_owned(),
            Self::Asides => "bytes a second beside messages".to_owned(),
        }
    }

    pub fn say(self, value: f64) -> String {
        match self {
            Self::Cpu if value < 1.0 => format!("{value:.3} µs"),
            Self::Cpu if value < 100.0 => format!("{value:.2} µs"),
            Self::Cpu => format!("{value:.0} µs"),
            Self::Rate | Self::Connections | Self::Asides => thousands(value),
            Self::Median | Self::P99 | Self::P99Beside | Self::Sync => format!("{value:.2} ms"),
            Self::Memory | Self::Each => format!("{:.2} KiB", value / 1_024.0),
            Self::Resident => format!("{value:.1} MiB"),
            Self::Shared => format!("{value:.1}"),
            Self::Frame => format!("{value:.0}"),
        }
    }
}

/// As English has it.
fn many(unit: &str) -> String {
    match unit.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None => format!("{unit}s"),
    }
}

fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
