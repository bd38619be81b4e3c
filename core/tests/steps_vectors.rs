//! Segmenters against `vectors/steps/`, whose expectations come from another implementation of the specification,
//! `vectors/tools/steps_reference.py`.

#[path = "common/vectors.rs"]
mod vectors;

use attestlm::hex;
use attestlm::policy::SegmenterSpec;
use attestlm::steps::{check_tiling, of_template};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    count: usize,
    templates: Vec<Template>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Template {
    template: String,
    markers: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Case {
    note: String,
    id: u32,
    markers: Vec<String>,
    prompt_hex: String,
    id_after_prompt: u32,
    pieces_hex: Vec<String>,
    text_bytes: usize,
    /// `null`: a segmenter that is not known.
    steps: Option<Vec<Step>>,
}

#[derive(Deserialize, PartialEq, Debug)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Step {
    kind: u8,
    first_token: u32,
    end_token: u32,
    text_hex: String,
}

#[test]
fn outputs_are_cut_as_the_reference_cuts_them() {
    let file: File = serde_json::from_slice(&vectors::files("steps")["cases"]).unwrap();
    assert_eq!(file.cases.len(), file.count);
    for Template { template, markers } in &file.templates {
        assert_eq!(of_template(Some(template.as_str())).markers, *markers, "{template}");
    }
    for case in &file.cases {
        let note = &case.note;
        let bytes = |text: &String| hex::decode("vector", text).unwrap();
        let spec = SegmenterSpec { id: case.id, markers: case.markers.clone() };
        assert_eq!(spec.clone().after_prompt(&bytes(&case.prompt_hex)).id, case.id_after_prompt, "{note}");
        let mut text = Vec::new();
        let ends: Vec<usize> = case
            .pieces_hex
            .iter()
            .map(|piece| {
                text.extend(bytes(piece));
                text.len()
            })
            .collect();
        let found = spec.segment(&text[..case.text_bytes], &ends).ok().map(|steps| {
            check_tiling(&steps, u32::try_from(ends.len()).unwrap()).unwrap();
            let step = |step: attestlm::steps::Step| Step {
                kind: step.kind as u8,
                first_token: step.first_token,
                end_token: step.end_token,
                text_hex: hex::encode(&step.text),
            };
            steps.into_iter().map(step).collect::<Vec<_>>()
        });
        assert_eq!(found, case.steps, "{note}");
    }
}
