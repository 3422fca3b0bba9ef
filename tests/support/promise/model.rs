//! Any history, against a model that looks at everything.

use std::collections::{BTreeMap, HashSet};

use countersign::replay::{ClaimKey, Claimed};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;

use super::{FRESH, LEASE, Play, Saw, Stage, WINDOW, claim_of, dated_claim_of};

/// What there is room for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    pub(crate) capacity: usize,
    pub(crate) share: Option<usize>,
    pub(crate) forgets: bool,
}

impl Rules {
    pub(crate) const NO_LIMIT: Self = Self {
        capacity: usize::MAX,
        share: None,
        forgets: false,
    };
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Held {
    owner: u8,
    grant: usize,
    handled: bool,
    end: u64,
}

#[derive(Debug, Clone, Copy)]
struct Grant {
    key: (u8, u8),
    window: u64,
}

/// Keeps nothing that has ended, and finds everything by looking at all of it.
struct Model {
    rules: Rules,
    held: BTreeMap<(u8, u8), Held>,
    time: u64,
    grants: Vec<Grant>,
}

impl Model {
    fn new(rules: Rules) -> Self {
        Self {
            rules,
            held: BTreeMap::new(),
            time: 1_000,
            grants: Vec::new(),
        }
    }

    fn room(&mut self, owner: u8) -> Result<(), Saw> {
        let own = self.held.values().filter(|held| held.owner == owner).count();
        let free = self.rules.capacity.saturating_sub(self.held.len());
        let refusal = match self.rules.share {
            _ if free == 0 => Saw::Full,
            share if own >= share.unwrap_or(free) => Saw::ShareUsedUp,
            _ => return Ok(()),
        };
        let handled = self
            .held
            .iter()
            .filter(|(_, held)| held.owner == owner && held.handled);
        let first = handled.min_by_key(|((owner, id), held)| (held.end, key_of(*owner, *id)));
        match first.map(|(key, _)| *key) {
            Some(key) if self.rules.forgets => {
                self.held.remove(&key);
                Ok(())
            }
            _ => Err(refusal),
        }
    }

    fn claim(&mut self, owner: u8, id: u8, dated: bool) -> Saw {
        self.forget();
        let window = if dated { FRESH + LEASE } else { WINDOW };
        if let Some(held) = self.held.get_mut(&(owner, id)) {
            if !held.handled {
                return Saw::InProgress(held.end - self.time);
            }
            if dated {
                held.end = held.end.max(self.time + window);
            }
            return Saw::Handled;
        }
        if let Err(refusal) = self.room(owner) {
            return refusal;
        }
        let key = (owner, id);
        self.hold(key, self.grants.len(), false, self.time + LEASE);
        self.grants.push(Grant { key, window });
        Saw::Granted
    }

    fn commit(&mut self, grant: usize) -> Saw {
        self.forget();
        let Grant { key, window } = self.grants[grant];
        let held = self.held.get(&key).copied();
        if held.is_none()
            && let Err(refusal) = self.room(key.0)
        {
            return refusal;
        }
        let keep_until = self.time + window;
        let end = held.map_or(keep_until, |held| held.end.max(keep_until));
        self.hold(key, grant, true, end);
        if held.is_none_or(|held| held.grant == grant) {
            Saw::Done
        } else {
            Saw::LeaseLost
        }
    }

    fn release(&mut self, grant: usize) -> Saw {
        self.forget();
        let Grant { key, .. } = self.grants[grant];
        match self.held.get(&key) {
            Some(held) if held.grant == grant && !held.handled => {
                self.held.remove(&key);
                Saw::Done
            }
            _ => Saw::LeaseLost,
        }
    }

    fn hold(&mut self, key: (u8, u8), grant: usize, handled: bool, end: u64) {
        let owner = key.0;
        let held = Held {
            owner,
            grant,
            handled,
            end,
        };
        self.held.insert(key, held);
    }

    fn forget(&mut self) {
        self.held.retain(|_, held| held.end >= self.time);
    }
}

fn name(owner: u8) -> String {
    format!("tenant {owner}")
}

fn key_of(owner: u8, id: u8) -> ClaimKey {
    claim_of(&name(owner), &id.to_string(), 0).key
}

/// What happens. A crash is a grant that is never settled; a retry is a claim of the same delivery.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Event {
    Claim { owner: u8, id: u8, dated: bool },
    Commit { grant: prop::sample::Index },
    Release { grant: prop::sample::Index },
    Wait { seconds: u64 },
}

pub(crate) fn history() -> impl Strategy<Value = Vec<Event>> {
    prop::collection::vec(event(), 1..80)
}

fn event() -> impl Strategy<Value = Event> {
    let grant = any::<prop::sample::Index>;
    let step = 0_u64..3;
    let around = |end: u64| end - 1..end + 2;
    prop_oneof![
        6 => (0_u8..3, 0_u8..6, any::<bool>()).prop_map(|(owner, id, dated)| Event::Claim { owner, id, dated }),
        3 => grant().prop_map(|grant| Event::Commit { grant }),
        1 => grant().prop_map(|grant| Event::Release { grant }),
        2 => prop_oneof![4 => step, 2 => around(LEASE), 1 => around(WINDOW), 1 => around(FRESH + LEASE)]
            .prop_map(|seconds| Event::Wait { seconds }),
    ]
}

/// Store and model see the same.
pub(crate) fn replays<S: Stage>(
    stage: S,
    rules: Rules,
    history: Vec<Event>,
) -> Result<Play<S>, TestCaseError> {
    let mut play = Play::on(stage);
    let mut model = Model::new(rules);
    play.stage.pass(model.time);
    play.time = model.time;
    for event in history {
        replay(&mut play, &mut model, event)?;
    }
    let tokens: HashSet<u64> = play.grants.iter().map(Claimed::token).collect();
    prop_assert_eq!(tokens.len(), play.grants.len());
    Ok(play)
}

fn replay<S: Stage>(play: &mut Play<S>, model: &mut Model, event: Event) -> TestCaseResult {
    let grants = play.grants.len();
    let (seen, expected) = match event {
        Event::Wait { seconds } => {
            model.time += seconds;
            play.stage.pass(seconds);
            play.time = model.time;
            return Ok(());
        }
        Event::Claim { owner, id, dated } => {
            let claim = if dated { dated_claim_of } else { claim_of };
            let claim = claim(&name(owner), &id.to_string(), model.time);
            (play.claim(&claim), model.claim(owner, id, dated))
        }
        Event::Release { .. } | Event::Commit { .. } if grants == 0 => return Ok(()),
        Event::Release { grant } => {
            let grant = grant.index(grants);
            (play.release(grant), model.release(grant))
        }
        Event::Commit { grant } => {
            let grant = grant.index(grants);
            (play.commit(grant), model.commit(grant))
        }
    };
    prop_assert_eq!(seen, expected, "{:?} at {}", event, model.time);
    Ok(())
}
