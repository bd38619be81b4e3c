//! The automaton's states, made as they are met and kept for the next time.
//!
//! A state is the set of all places the grammar may be in: pairs of a node and a return stack.
//! Equal sets are one state, so that the inside of a string, say, is one state however long the
//! string, its transitions are looked up and its mask is computed once. Nothing a caller can see
//! depends on what is kept: limits are counted on the states a question needs, kept or not.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::automaton::{Automaton, NodeId};
use super::vocab::GrammarVocab;
use super::{fault, Limits};
use crate::{Error, Result};

pub(super) type StateId = u32;
/// No text leads on.
pub(super) const DEAD: StateId = 0;
/// More places than `Limits::PLACES`.
const OVERFULL: StateId = 1;

/// A node, and the stack of nodes to return to.
type Place = (NodeId, StackId);
type StackId = u32;
const BOTTOM: StackId = 0;
/// The node of the place behind the whole grammar.
const ACCEPT: NodeId = NodeId::MAX;

/// A transition. Its cost is that of making it, which does not depend on what was known before.
#[derive(Clone, Copy)]
struct Edge {
    to: StateId,
    /// In units of `Limits::WORK`.
    cost: u32,
    /// The last walk that counted the cost.
    counted: u32,
}

const UNKNOWN: Edge = Edge { to: StateId::MAX, cost: 0, counted: 0 };

pub(super) struct States {
    /// `(node to return to, the stack below)`; entry 0 is the empty stack.
    stacks: Vec<(NodeId, StackId)>,
    stack_ids: HashMap<(NodeId, StackId), StackId>,
    states: Vec<Arc<[Place]>>,
    state_ids: HashMap<Arc<[Place]>, StateId>,
    /// `edges[state * classes + class]`.
    edges: Vec<Edge>,
    masks: HashMap<StateId, std::result::Result<Arc<[u32]>, Error>>,
    classes: usize,
    walks: u32,
    /// Roughly the bytes held, and how many are worth beginning anew.
    held: usize,
    enough: usize,
}

impl States {
    pub(super) fn new(automaton: &Automaton) -> States {
        let classes = automaton.samples.len();
        let mut states = States {
            stacks: vec![(ACCEPT, BOTTOM)],
            stack_ids: HashMap::new(),
            states: Vec::new(),
            state_ids: HashMap::new(),
            edges: Vec::new(),
            masks: HashMap::new(),
            classes,
            walks: 0,
            held: 0,
            enough: Limits::KEPT_BYTES,
        };
        states.intern(Vec::new()); // DEAD
        states.push_state(Arc::from([])); // OVERFULL, not to be found by its (empty) set
        states
    }

    /// Whether it is time to begin anew: purely a matter of memory.
    pub(super) fn is_full(&self) -> bool {
        self.held > self.enough
    }

    /// The state before any text.
    pub(super) fn start(&mut self, automaton: &Automaton) -> Result<StateId> {
        checked(self.close(automaton, vec![(automaton.start, BOTTOM)]).0)
    }

    /// The state of `other` in this collection.
    pub(super) fn import(&mut self, other: &States, state: StateId) -> StateId {
        let mut places = Vec::new();
        let mut known: HashMap<StackId, StackId> = HashMap::from([(BOTTOM, BOTTOM)]);
        for &(node, stack) in other.places(state).iter() {
            let mut above = Vec::new();
            let mut at = stack;
            let mut here = loop {
                if let Some(&here) = known.get(&at) {
                    break here;
                }
                above.push(at);
                at = other.stacks.get(at as usize).map_or(BOTTOM, |s| s.1);
            };
            while let Some(id) = above.pop() {
                let back = other.stacks.get(id as usize).map_or(ACCEPT, |s| s.0);
                here = self.push(back, here);
                known.insert(id, here);
            }
            places.push((node, here));
        }
        places.sort_unstable();
        let state = self.intern(places);
        // A very deep stack alone may exceed the bound: it must not be moved at every step.
        self.enough = Limits::KEPT_BYTES.max(2 * self.held);
        state
    }

    fn places(&self, state: StateId) -> Arc<[Place]> {
        self.states.get(state as usize).cloned().unwrap_or_else(|| Arc::from([]))
    }

    /// Whether the text so far satisfies the grammar.
    pub(super) fn can_end(&self, state: StateId) -> bool {
        // Places are sorted, and `ACCEPT` is the largest node.
        self.states.get(state as usize).and_then(|s| s.last()) == Some(&(ACCEPT, BOTTOM))
    }

    /// Whether the text satisfies the grammar and no further byte can.
    pub(super) fn is_complete(&self, state: StateId) -> bool {
        self.can_end(state) && self.states.get(state as usize).is_some_and(|s| s.len() == 1)
    }

    /// The state after `bytes`.
    pub(super) fn advance(&mut self, automaton: &Automaton, from: StateId, bytes: &[u8]) -> Result<StateId> {
        let mut state = from;
        for &byte in bytes {
            state = checked(self.step(automaton, state, byte).to)?;
        }
        Ok(state)
    }

    fn edge_index(&self, automaton: &Automaton, from: StateId, byte: u8) -> usize {
        from as usize * self.classes + usize::from(automaton.classes[usize::from(byte)])
    }

    /// The transition, made if it is new.
    fn step(&mut self, automaton: &Automaton, from: StateId, byte: u8) -> Edge {
        let class = automaton.classes[usize::from(byte)];
        let at = self.edge_index(automaton, from, byte);
        match self.edges.get(at) {
            Some(edge) if edge.to != UNKNOWN.to => return *edge,
            _ => {}
        }
        // Bytes of one class take the same edges; the sample stands for all of them.
        let sample = automaton.samples.get(usize::from(class)).copied().unwrap_or(byte);
        let mut next = Vec::new();
        for &(node, stack) in self.places(from).iter() {
            for &(lo, hi, to) in &automaton.node(node).bytes {
                if (lo..=hi).contains(&sample) {
                    next.push((to, stack));
                }
            }
        }
        let (to, visited) = self.close(automaton, next);
        let made = if to == DEAD { 0 } else { self.classes };
        let edge = Edge { to, cost: u32::try_from(visited + made + 1).unwrap_or(u32::MAX), counted: 0 };
        if let Some(slot) = self.edges.get_mut(at) {
            *slot = edge;
        }
        edge
    }

    /// Follows everything that reads nothing, and keeps the places that read or accept.
    /// Also answers how many places it visited.
    fn close(&mut self, automaton: &Automaton, mut work: Vec<Place>) -> (StateId, usize) {
        let mut seen: HashSet<Place> = HashSet::with_capacity(work.len() * 2);
        let mut kept = Vec::new();
        while let Some(place) = work.pop() {
            if !seen.insert(place) {
                continue;
            }
            if seen.len() > Limits::PLACES {
                return (OVERFULL, seen.len());
            }
            let (id, stack) = place;
            if id == ACCEPT {
                kept.push(place);
                continue;
            }
            let node = automaton.node(id);
            if !node.bytes.is_empty() {
                kept.push(place);
            }
            work.extend(node.empty.iter().map(|&to| (to, stack)));
            for &(entry, back) in &node.calls {
                let above = if automaton.node(back).tail { stack } else { self.push(back, stack) };
                work.push((entry, above));
            }
            if node.end {
                // The bottom's own entry leads to ACCEPT.
                work.push(self.stacks.get(stack as usize).copied().unwrap_or((ACCEPT, BOTTOM)));
            }
        }
        kept.sort_unstable();
        (self.intern(kept), seen.len())
    }

    fn push(&mut self, back: NodeId, below: StackId) -> StackId {
        let Ok(id) = StackId::try_from(self.stacks.len()) else { return BOTTOM };
        let known = *self.stack_ids.entry((back, below)).or_insert(id);
        if known == id {
            self.stacks.push((back, below));
            self.held += 48;
        }
        known
    }

    fn intern(&mut self, places: Vec<Place>) -> StateId {
        if let Some(&id) = self.state_ids.get(places.as_slice()) {
            return id;
        }
        let places: Arc<[Place]> = Arc::from(places);
        let id = self.push_state(Arc::clone(&places));
        self.state_ids.insert(places, id);
        id
    }

    fn push_state(&mut self, places: Arc<[Place]>) -> StateId {
        let Ok(id) = StateId::try_from(self.states.len()) else { return OVERFULL };
        self.held += places.len() * 8 + self.classes * size_of::<Edge>() + 128;
        self.states.push(places);
        self.edges.resize(self.states.len() * self.classes, UNKNOWN);
        id
    }

    /// The tokens allowed in `state`, one bit each.
    pub(super) fn mask(
        &mut self,
        automaton: &Automaton,
        vocab: &GrammarVocab,
        state: StateId,
    ) -> Result<Arc<[u32]>> {
        if let Some(known) = self.masks.get(&state) {
            return known.clone();
        }
        let mask = self.walk(automaton, vocab, state);
        self.held += vocab.mask_words() * 4 + 64;
        self.masks.insert(state, mask.clone());
        mask
    }

    fn walk(&mut self, automaton: &Automaton, vocab: &GrammarVocab, from: StateId) -> Result<Arc<[u32]>> {
        let mut mask = vec![0u32; vocab.mask_words()];
        let mut allow = |id: u32| {
            if let Some(word) = mask.get_mut(id as usize / 32) {
                *word |= 1 << (id % 32);
            }
        };
        self.walks += 1;
        let mut work = 0usize;
        let mut any = false;
        // The state at each depth of the path to the current node.
        let mut path = vec![DEAD; vocab.max_depth + 1];
        path[0] = from;
        let mut at = 0usize;
        while let Some(node) = vocab.trie.get(at) {
            let depth = usize::from(node.depth);
            let before = path[depth - 1];
            let index = self.edge_index(automaton, before, node.byte);
            let to = match self.edges.get(index) {
                Some(edge) if edge.counted == self.walks => edge.to,
                _ => {
                    // Each transition counts once a walk, whether it was already known or not.
                    let edge = self.step(automaton, before, node.byte);
                    work += edge.cost as usize;
                    if work > Limits::WORK {
                        return Err(fault(
                            "the grammar is too ambiguous here: the token mask exceeds its work limit",
                        ));
                    }
                    if let Some(slot) = self.edges.get_mut(index) {
                        slot.counted = self.walks;
                    }
                    checked(edge.to)?
                }
            };
            if to == DEAD {
                at = node.skip as usize;
                continue;
            }
            for i in node.first as usize..node.last as usize {
                if let Some(&id) = vocab.ids.get(i) {
                    allow(id);
                    any = true;
                }
            }
            path[depth] = to;
            at += 1;
        }
        if self.can_end(from) {
            for &id in &vocab.eog {
                allow(id);
                any = true;
            }
        }
        if !any && !self.is_complete(from) {
            return Err(fault("no token of the vocabulary continues the grammar here"));
        }
        Ok(Arc::from(mask))
    }
}

fn checked(state: StateId) -> Result<StateId> {
    if state == OVERFULL {
        return Err(fault(format!(
            "the grammar is too ambiguous here: it may be in more than {} places at once",
            Limits::PLACES
        )));
    }
    Ok(state)
}
