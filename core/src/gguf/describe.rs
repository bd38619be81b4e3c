//! What a header says, as JSON.

use serde_json::{json, Map, Value};

use super::ModelHeader;

impl ModelHeader {
    /// Name and value of what people ask about a model, in the order in which they ask.
    #[must_use]
    pub fn describe(&self) -> Vec<(&'static str, Value)> {
        let types: Map<String, Value> =
            self.tensor_types.iter().map(|(kind, count)| (kind.name().to_owned(), (*count).into())).collect();
        let mut rows = vec![
            ("name", json!(self.name)),
            ("architecture", self.architecture.name().into()),
            ("parameters", self.parameters.into()),
            ("layers", self.layers.into()),
            ("embedding", self.embedding.into()),
            ("heads", self.heads.into()),
            ("headsKv", self.heads_kv.into()),
            ("feedForward", self.feed_forward.into()),
            ("contextTokens", self.context.into()),
            ("vocabulary", self.vocabulary.into()),
            ("tensorTypes", Value::Object(types)),
            ("chatTemplate", self.chat_template.is_some().into()),
        ];
        if self.experts > 0 {
            rows.push(("experts", self.experts.into()));
            rows.push(("expertsUsed", self.experts_used.into()));
        }
        if let Some(window) = self.sliding_window {
            rows.push(("slidingWindow", window.into()));
        }
        rows
    }
}
