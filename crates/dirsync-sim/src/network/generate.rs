//! Makes a script from a seed.
//!
//! Each kind of trouble has a rate of its own that is nothing in half of the seeds, so that most
//! scripts have few kinds of trouble and some have all of them at once.

use super::dice::Dice;
use super::script::{Act, Change, Event, Fate, Moment, Script, Start, Step, Way};

/// Sizes of the scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Postoffices, the server among them; at least 2.
    pub postoffices: u8,
    /// Cycles in which things go wrong.
    pub cycles: u16,
}

/// How often things go wrong, in percent for each occasion.
struct Weather {
    lost: u16,
    late: u16,
    twice: u16,
    cut: u16,
    shuffle: u16,
    skip: u16,
    crash: u16,
    second_t2: u16,
    export: u16,
    import: u16,
    restore: u16,
    restore_server: u16,
    reregister: u16,
    bulk: u16,
    changes: u16,
}

impl Weather {
    fn roll(dice: &mut Dice) -> Self {
        let mut rate = |upto: u16| {
            let rate = 1 + dice.small(upto);
            if dice.chance(50) { rate } else { 0 }
        };
        Self {
            lost: rate(30),
            late: rate(30),
            twice: rate(30),
            cut: rate(20),
            shuffle: rate(20),
            skip: rate(25),
            crash: rate(20),
            second_t2: rate(25),
            export: rate(5),
            import: rate(20),
            restore: rate(3),
            restore_server: if rate(1) > 0 { rate(8) } else { 0 },
            reregister: rate(3),
            bulk: rate(5),
            changes: 1 + rate(4),
        }
    }
}

/// The script of a seed.
#[must_use]
pub fn script(seed: u64, sizes: Sizes) -> Script {
    let mut dice = Dice::new(seed);
    let weather = Weather::roll(&mut dice);
    let postoffices = (0..sizes.postoffices.max(2))
        .map(|po| Start {
            // A list that the guard watches is longer than 25.
            users: if weather.bulk > 0 && dice.chance(25) {
                28 + dice.small(8)
            } else {
                dice.small(8)
            },
            limit_kb: if dice.chance(20) {
                1 + dice.small(3)
            } else {
                0
            },
            joins: if po > 0 && dice.chance(20) {
                1 + dice.small(sizes.cycles)
            } else {
                1
            },
        })
        .collect();
    let mut script = Script {
        seed,
        cycles: sizes.cycles,
        keep_days: if dice.chance(60) {
            1 + dice.small(4)
        } else {
            14
        },
        auto_import: dice.chance(50),
        postoffices,
        events: Vec::new(),
    };
    let mut maker = Maker {
        dice,
        weather,
        names: 0,
        events: Vec::new(),
    };
    for cycle in 1..=sizes.cycles {
        maker.cycle(cycle, sizes.postoffices.max(2));
    }
    script.events = maker.events;
    script
}

struct Maker {
    dice: Dice,
    weather: Weather,
    names: u16,
    events: Vec<Event>,
}

impl Maker {
    fn put(&mut self, cycle: u16, moment: Moment, act: Act) {
        self.events.push(Event { cycle, moment, act });
    }

    fn moment(&mut self) -> Moment {
        Moment::ALL[self.dice.below(Moment::ALL.len())]
    }

    fn cycle(&mut self, cycle: u16, postoffices: u8) {
        for moment in Moment::ALL {
            for po in 0..postoffices {
                self.administration(cycle, moment, po);
            }
        }
        if self.dice.chance(self.weather.restore_server) {
            let moment = self.moment();
            self.restore(cycle, moment, 0);
        }
        for po in 0..postoffices {
            self.steps(cycle, po);
            self.mail(cycle, po);
        }
        let (skip, crash) = (self.weather.skip, self.weather.crash);
        if self.dice.chance(skip) {
            self.put(
                cycle,
                Moment::BeforeT2,
                Act::Skip {
                    po: 0,
                    step: Step::T2,
                },
            );
        } else if self.dice.chance(crash) {
            let after = self.dice.small(2 * u16::from(postoffices));
            let step = Step::T2;
            self.put(cycle, Moment::BeforeT2, Act::Crash { po: 0, step, after });
        }
        if self.dice.chance(self.weather.second_t2) {
            self.put(cycle, Moment::BeforeT2, Act::SecondT2);
        }
        if self.dice.chance(crash / 2) {
            self.put(cycle, Moment::BeforeT2, Act::ListsBusy);
        }
        if self.weather.bulk > 0 && self.dice.chance(15) {
            self.put(cycle, Moment::BeforeT1, Act::Approve);
        }
    }

    fn administration(&mut self, cycle: u16, moment: Moment, po: u8) {
        for _ in 0..self.dice.small(1 + self.weather.changes) {
            let change = self.change();
            self.put(cycle, moment, Act::Change { po, change });
        }
        if self.dice.chance(self.weather.export) {
            self.put(cycle, moment, Act::Export { po });
        }
        if po > 0 && self.dice.chance(self.weather.import / 2) {
            self.put(cycle, moment, Act::ImportRequest { po });
        }
        if po > 0 && self.dice.chance(self.weather.restore) {
            self.restore(cycle, moment, po);
        }
        if po > 0 && self.dice.chance(self.weather.reregister) {
            self.put(cycle, moment, Act::Reregister { po });
        }
        if self.dice.chance(1) {
            let kb = self.dice.small(4);
            self.put(cycle, moment, Act::Limit { po, kb });
        }
    }

    fn restore(&mut self, cycle: u16, moment: Moment, po: u8) {
        let back = self.dice.small(cycle.min(5));
        let from = cycle.saturating_sub(back).max(1);
        self.put(cycle, moment, Act::Restore { po, from });
    }

    fn change(&mut self) -> Change {
        if self.dice.chance(self.weather.bulk / 2) {
            return Change::DeleteMost;
        }
        self.names = self.names.saturating_add(1);
        let (name, pick) = (self.names, self.dice.small(1000));
        match self.dice.below(12) {
            0..=3 => Change::Add {
                name,
                takes_part: self.dice.chance(85),
            },
            4 | 5 => Change::AddAgain { pick },
            6..=8 => Change::Delete { pick },
            9 => Change::Move { pick, name },
            10 => Change::Rename { pick, name },
            _ => Change::Toggle { pick },
        }
    }

    fn steps(&mut self, cycle: u16, po: u8) {
        for (step, moment) in [(Step::T1, Moment::BeforeT1), (Step::T3, Moment::BeforeT3)] {
            if self.dice.chance(self.weather.skip) {
                self.put(cycle, moment, Act::Skip { po, step });
            } else if self.dice.chance(self.weather.crash) {
                let after = self.dice.small(2);
                self.put(cycle, moment, Act::Crash { po, step, after });
            }
        }
        if self.dice.chance(self.weather.shuffle) {
            let moment = self.moment();
            let seed = self.dice.small(1000);
            self.put(cycle, moment, Act::Shuffle { po, seed });
        }
    }

    fn mail(&mut self, cycle: u16, po: u8) {
        for (way, moment) in [
            (Way::Request, Moment::BeforeT1),
            (Way::ImportRequest, Moment::BeforeT1),
            (Way::Reply, Moment::BeforeT2),
        ] {
            let fate = if self.dice.chance(self.weather.lost) {
                Fate::Lost
            } else if self.dice.chance(self.weather.late) {
                Fate::Late(self.steps_late())
            } else if self.dice.chance(self.weather.twice) {
                Fate::Twice(self.steps_late())
            } else if self.dice.chance(self.weather.cut) {
                Fate::Cut(self.dice.small(1000))
            } else {
                continue;
            };
            self.put(cycle, moment, Act::Mail { po, way, fate });
        }
    }

    fn steps_late(&mut self) -> u8 {
        let mut steps = 1;
        while steps < 9 && self.dice.chance(60) {
            steps += 1;
        }
        steps
    }
}
