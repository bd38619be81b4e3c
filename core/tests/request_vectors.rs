//! `vectors/requests/`: what a session of the bundled model accepts, and by which field it refuses the rest.
#![cfg(all(feature = "engine", feature = "bundled"))]

#[path = "common/outcome.rs"]
mod outcome;
#[path = "common/vectors.rs"]
mod vectors;

use attestlm::model::Model;
use attestlm::request::Request;
use attestlm::session::{Session, SessionOptions, SharedSession};
use outcome::{expected, outcome};

#[test]
fn every_request_is_accepted_or_refused_by_the_stated_field() {
    let model = Model::bundled().unwrap();
    let (mut accepted, mut refused, mut wrong) = (0, 0, Vec::new());
    for (name, case) in vectors::cases("requests") {
        let options = SessionOptions::from_json(case["options"].to_string().as_bytes()).unwrap();
        let options = SessionOptions { threads: Some(1), ..options };
        let session = SharedSession::new(Session::new(&model, &options).unwrap()).unwrap();
        let request = Request::from_json(case["request"].as_str().unwrap().as_bytes());
        // Queued, and dropped before anything is computed.
        let result = request.and_then(|request| session.generate(&request, None));
        if outcome(&result) != expected(&case) {
            wrong.push(format!("{name}: {:?}, not {:?}", result.err(), expected(&case)));
        }
        *(if expected(&case).is_none() { &mut accepted } else { &mut refused }) += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(accepted >= 10 && refused >= 100, "only {accepted} accepted and {refused} refused");
}
