//! Rules compiled to one byte-level pushdown automaton.
//!
//! Each rule is a nondeterministic finite automaton over bytes whose edges may also call
//! another rule. What can never lead to an end is cut off, so that every text the matcher
//! lets through can be completed.

use std::collections::HashMap;

use super::charset::CharSet;
use super::rules::{Expr, Rules};
use super::{fault, short, Limits};
use crate::Result;

pub(super) type NodeId = u32;

#[derive(Debug, Clone, Default)]
pub(super) struct Node {
    /// Followed without reading anything.
    pub(super) empty: Vec<NodeId>,
    /// `(lo, hi, to)`: read one byte in `lo..=hi`.
    pub(super) bytes: Vec<(u8, u8, NodeId)>,
    /// `(entry node of the rule, node to return to)`.
    pub(super) calls: Vec<(NodeId, NodeId)>,
    /// The rule may end here.
    pub(super) end: bool,
    /// From here the rule can only end: a call that returns here need not return.
    pub(super) tail: bool,
}

#[derive(Debug)]
pub(super) struct Automaton {
    nodes: Vec<Node>,
    pub(super) start: NodeId,
    /// Byte to byte class: bytes that no edge tells apart share one.
    pub(super) classes: [u8; 256],
    /// One byte of each class.
    pub(super) samples: Vec<u8>,
}

static NO_NODE: Node =
    Node { empty: Vec::new(), bytes: Vec::new(), calls: Vec::new(), end: false, tail: false };

impl Automaton {
    pub(super) fn node(&self, id: NodeId) -> &Node {
        self.nodes.get(id as usize).unwrap_or(&NO_NODE)
    }

    pub(super) fn new(rules: &Rules, root: usize) -> Result<Automaton> {
        let mut builder = Builder { nodes: Vec::new(), edges: 0, entries: Vec::new(), work: Vec::new() };
        for (id, rule) in rules.0.iter().enumerate() {
            let entry = builder.node()?;
            builder.entries.push((entry, id));
            if let Some(body) = &rule.body {
                builder.work.push((entry, body));
            }
        }
        // Repeated groups become rules of their own, appended to `work` on the way.
        while let Some((entry, body)) = builder.work.pop() {
            let end = builder.emit(body, entry)?;
            builder.at(end).end = true;
        }
        let Builder { nodes, entries, .. } = builder;
        let mut automaton = Automaton {
            nodes,
            start: entries.get(root).map_or(0, |e| e.0),
            classes: [0; 256],
            samples: Vec::new(),
        };
        automaton.refuse_left_recursion(&entries, rules)?;
        automaton.prune()?;
        automaton.mark_tails();
        automaton.split_bytes();
        Ok(automaton)
    }

    /// Which nodes can reach the end of their rule; without reading a byte if `silently`.
    fn can_end(&self, silently: bool) -> Vec<bool> {
        #[derive(Clone, Default)]
        struct Into {
            plain: Vec<NodeId>,
            /// Calls that return here: (caller, entry of the called rule).
            returns: Vec<(NodeId, NodeId)>,
            /// Calls of the rule that begins here: (caller, node returned to).
            callers: Vec<(NodeId, NodeId)>,
        }
        let mut into = vec![Into::default(); self.nodes.len()];
        let mut work = Vec::new();
        for (from, node) in (0..).zip(&self.nodes) {
            let steps = node.bytes.iter().map(|e| e.2).filter(|_| !silently);
            for to in node.empty.iter().copied().chain(steps) {
                into[to as usize].plain.push(from);
            }
            for &(entry, back) in &node.calls {
                into[back as usize].returns.push((from, entry));
                into[entry as usize].callers.push((from, back));
            }
            if node.end {
                work.push(from);
            }
        }
        let mut can = vec![false; self.nodes.len()];
        while let Some(id) = work.pop() {
            if std::mem::replace(&mut can[id as usize], true) {
                continue;
            }
            let into = &into[id as usize];
            work.extend(&into.plain);
            work.extend(into.returns.iter().filter(|(_, entry)| can[*entry as usize]).map(|c| c.0));
            work.extend(into.callers.iter().filter(|(_, back)| can[*back as usize]).map(|c| c.0));
        }
        can
    }

    /// A rule that may call itself before it has read anything would never stop calling.
    fn refuse_left_recursion(&self, entries: &[(NodeId, usize)], rules: &Rules) -> Result<()> {
        let silent = self.can_end(true);
        let owner: HashMap<NodeId, usize> = entries.iter().copied().collect();
        // First calls of each rule: calls reachable from its entry without reading.
        let first_calls = |entry: NodeId| {
            let mut calls = Vec::new();
            let mut seen = std::collections::HashSet::from([entry]);
            let mut work = vec![entry];
            while let Some(id) = work.pop() {
                let node = self.node(id);
                calls.extend(node.calls.iter().map(|c| c.0));
                let skipped = node.calls.iter().filter(|c| silent[c.0 as usize]).map(|c| c.1);
                for to in node.empty.iter().copied().chain(skipped) {
                    if seen.insert(to) {
                        work.push(to);
                    }
                }
            }
            calls
        };
        // Depth first over rules, with the path kept explicitly: grammars may be long chains.
        let mut done: HashMap<NodeId, bool> = HashMap::new();
        for root in self.entries_in_use(entries) {
            if done.contains_key(&root) {
                continue;
            }
            done.insert(root, false);
            let mut path = vec![(root, first_calls(root))];
            while let Some((rule, calls)) = path.last_mut() {
                let Some(next) = calls.pop() else {
                    done.insert(*rule, true);
                    path.pop();
                    continue;
                };
                match done.get(&next) {
                    Some(true) => {}
                    Some(false) => {
                        let named = path.iter().rev().find_map(|(id, _)| owner.get(id));
                        let name = named
                            .and_then(|id| rules.0.get(*id))
                            .map_or_else(String::new, |r| short(&r.label));
                        return Err(fault(format!(
                            "the rule \"{name}\" is left-recursive: it can call itself before it has read a character"
                        )));
                    }
                    None => {
                        done.insert(next, false);
                        path.push((next, first_calls(next)));
                    }
                }
            }
        }
        Ok(())
    }

    fn entries_in_use(&self, entries: &[(NodeId, usize)]) -> Vec<NodeId> {
        let called = self.nodes.iter().flat_map(|n| n.calls.iter().map(|c| c.0));
        entries.iter().map(|e| e.0).chain(called).collect()
    }

    fn prune(&mut self) -> Result<()> {
        let can = self.can_end(false);
        let live = |id: NodeId| can.get(id as usize).copied().unwrap_or(false);
        if !live(self.start) {
            return Err(fault("no text satisfies the grammar"));
        }
        for node in &mut self.nodes {
            node.empty.retain(|&to| live(to));
            node.bytes.retain(|&(_, _, to)| live(to));
            node.calls.retain(|&(entry, back)| live(entry) && live(back));
        }
        Ok(())
    }

    fn mark_tails(&mut self) {
        for id in 0..self.nodes.len() {
            let mut node = &self.nodes[id];
            // A chain of empty edges to a bare end; a longer chain merely costs a return.
            for _ in 0..16 {
                let [next] = node.empty[..] else { break };
                if node.end || !node.bytes.is_empty() || !node.calls.is_empty() {
                    break;
                }
                node = &self.nodes[next as usize];
            }
            let tail = node.end && node.empty.is_empty() && node.bytes.is_empty() && node.calls.is_empty();
            self.nodes[id].tail = tail;
        }
    }

    fn split_bytes(&mut self) {
        let mut begins = [false; 257];
        begins[0] = true;
        for &(lo, hi, _) in self.nodes.iter().flat_map(|n| &n.bytes) {
            begins[usize::from(lo)] = true;
            begins[usize::from(hi) + 1] = true;
        }
        for byte in 0..=255u8 {
            if begins[usize::from(byte)] {
                self.samples.push(byte);
            }
            // At most 256 samples, so that their indices fit a byte.
            self.classes[usize::from(byte)] = u8::try_from(self.samples.len() - 1).unwrap_or(u8::MAX);
        }
    }
}

struct Builder<'a> {
    nodes: Vec<Node>,
    edges: usize,
    /// Entry node and index of each rule of the source.
    entries: Vec<(NodeId, usize)>,
    work: Vec<(NodeId, &'a Expr)>,
}

impl<'a> Builder<'a> {
    fn node(&mut self) -> Result<NodeId> {
        let id = self.nodes.len();
        if id >= Limits::NODES {
            return Err(fault(format!("the grammar needs more than {} automaton nodes", Limits::NODES)));
        }
        self.nodes.push(Node::default());
        NodeId::try_from(id).map_err(|_| fault("the grammar is too large"))
    }

    // Node ids come from `node` alone, so that they are always in bounds.
    fn at(&mut self, id: NodeId) -> &mut Node {
        &mut self.nodes[id as usize]
    }

    fn count_edges(&mut self, n: usize) -> Result<()> {
        self.edges += n;
        if self.edges > 4 * Limits::NODES {
            return Err(fault(format!("the grammar needs more than {} automaton edges", 4 * Limits::NODES)));
        }
        Ok(())
    }

    fn skip(&mut self, from: NodeId, to: NodeId) -> Result<()> {
        self.count_edges(1)?;
        if from != to {
            self.at(from).empty.push(to);
        }
        Ok(())
    }

    /// Adds what `expr` matches behind `from`; returns the node behind it.
    /// Edges may be added to the node returned, and `from` may already have others.
    /// The depth of expressions is bounded by their readers.
    fn emit(&mut self, expr: &'a Expr, from: NodeId) -> Result<NodeId> {
        match expr {
            Expr::Class(set) => self.class(set, from),
            Expr::Literal(text) => {
                let mut at = from;
                for byte in text.bytes() {
                    let to = self.node()?;
                    self.count_edges(1)?;
                    self.at(at).bytes.push((byte, byte, to));
                    at = to;
                }
                Ok(at)
            }
            Expr::Rule(id) => {
                let Some(&(entry, _)) = self.entries.get(*id) else {
                    return Err(fault("a rule is called that does not exist"));
                };
                self.call(entry, from)
            }
            Expr::Seq(items) => {
                let mut at = from;
                for item in items {
                    at = self.emit(item, at)?;
                }
                Ok(at)
            }
            Expr::Alt(alternatives) => {
                let join = self.node()?;
                for alternative in alternatives {
                    let end = self.emit(alternative, from)?;
                    self.skip(end, join)?;
                }
                Ok(join)
            }
            Expr::Repeat(item, min, max) => self.repeat(item, *min, *max, from),
        }
    }

    fn call(&mut self, entry: NodeId, from: NodeId) -> Result<NodeId> {
        let back = self.node()?;
        self.count_edges(1)?;
        self.at(from).calls.push((entry, back));
        Ok(back)
    }

    fn repeat(&mut self, item: &'a Expr, min: u32, max: Option<u32>, from: NodeId) -> Result<NodeId> {
        if max.unwrap_or(min) > Limits::REPEAT {
            return Err(fault(format!("a repetition count is above {}", Limits::REPEAT)));
        }
        if max == Some(0) {
            return Ok(from);
        }
        // A group that is copied becomes a rule, so that nested counts add and do not multiply.
        let copies = max.unwrap_or(min.max(1));
        let rule = if copies > 1 && !matches!(item, Expr::Class(_) | Expr::Rule(_)) {
            let entry = self.node()?;
            self.work.push((entry, item));
            Some(entry)
        } else {
            None
        };
        let once = |builder: &mut Self, from| match rule {
            Some(entry) => builder.call(entry, from),
            None => builder.emit(item, from),
        };
        let mut at = from;
        for _ in 0..(if max.is_none() { min.saturating_sub(1) } else { min }) {
            at = once(self, at)?;
        }
        match max {
            None => {
                // A node of its own: `at` may have edges of other alternatives, which a pass must not lead to.
                let head = self.node()?;
                self.skip(at, head)?;
                let end = once(self, head)?;
                self.skip(end, head)?;
                // `+` leaves after a pass, `*` also before the first.
                Ok(if min == 0 { head } else { end })
            }
            Some(max) => {
                let join = self.node()?;
                for _ in min..max {
                    self.skip(at, join)?;
                    at = once(self, at)?;
                }
                self.skip(at, join)?;
                Ok(join)
            }
        }
    }

    fn class(&mut self, set: &CharSet, from: NodeId) -> Result<NodeId> {
        let end = self.node()?;
        // Equal tails share their nodes: most sequences end in the same continuation bytes.
        let mut tails: HashMap<Vec<(u8, u8)>, NodeId> = HashMap::new();
        for sequence in set.utf8() {
            let mut to = end;
            for i in (1..sequence.len()).rev() {
                let tail = sequence[i..].to_vec();
                to = match tails.get(&tail) {
                    Some(&id) => id,
                    None => {
                        let id = self.node()?;
                        self.count_edges(1)?;
                        self.at(id).bytes.push((sequence[i].0, sequence[i].1, to));
                        tails.insert(tail, id);
                        id
                    }
                };
            }
            if let Some(&(lo, hi)) = sequence.first() {
                self.count_edges(1)?;
                self.at(from).bytes.push((lo, hi, to));
            }
        }
        Ok(end)
    }
}
