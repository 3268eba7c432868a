//! Trees that are silent at the same time.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use crate::core::base::time::UnixTime;
use crate::progress::NoProgress;
use crate::transport::far::{Connector, FarError, FarSide, Reply, Request};

use super::{DeliverOptions, LinkState, deliver};

/// Trees that say who they are, or that they are silent, when all of them are waited for.
struct Together {
    wanted: usize,
    waiting: Arc<(Mutex<usize>, Condvar)>,
}

struct Tree {
    wanted: usize,
    waiting: Arc<(Mutex<usize>, Condvar)>,
}

impl Connector for Together {
    fn connect(&self, _path: &str) -> Result<Box<dyn FarSide>, FarError> {
        Ok(Box::new(Tree {
            wanted: self.wanted,
            waiting: Arc::clone(&self.waiting),
        }))
    }

    fn at_once(&self) -> bool {
        true
    }
}

impl FarSide for Tree {
    fn call(&mut self, request: Request) -> Result<Reply, FarError> {
        if !matches!(request, Request::Identify) {
            return Err(FarError::Ended("only the name was to be asked".to_owned()));
        }
        let (count, changed) = &*self.waiting;
        let mut count = count.lock().unwrap();
        *count += 1;
        changed.notify_all();
        let limit = Duration::from_secs(30);
        let (all, late) = changed
            .wait_timeout_while(count, limit, |count| *count < self.wanted)
            .unwrap();
        drop(all);
        if late.timed_out() {
            // Asked one after another: a deadline for each.
            return Err(FarError::Ended("asked alone".to_owned()));
        }
        Err(FarError::Silent { seconds: 60 })
    }
}

// Q193760: one dead link must not stop the others.
#[test]
fn however_many_trees_are_silent_they_cost_one_deadline() {
    let paths: Vec<String> = (0..20).map(|n| format!("tree{n:02}")).collect();
    let connector = Together {
        wanted: paths.len(),
        waiting: Arc::default(),
    };
    let options = DeliverOptions::new(UnixTime(1), "test");
    let report = deliver(&paths, &connector, &options, &NoProgress).unwrap();
    assert_eq!(report.postoffices.len(), 20);
    for postoffice in &report.postoffices {
        let error = postoffice.last_error.as_deref();
        assert_eq!(error, Some("no answer within 60 seconds"));
        assert!(postoffice.silent && postoffice.state == LinkState::Down);
    }
}
