//! A template made safe to run: bounded before it is parsed, and compiled so that every
//! operation that can make or walk data goes through the meter.
//!
//! minijinja's fuel counts instructions, and one instruction can double a string or compare
//! two trees with 2^60 leaves. The instructions that can are therefore replaced by calls to
//! the guarded filters of [`super::ops`], and those a chat template has no use for are refused.

use minijinja::machinery::{
    parse, tokenize, CodeGenerator, Instruction, Instructions, Token, WhitespaceConfig,
};
use minijinja::syntax::SyntaxConfig;
use minijinja::Value;

use super::ops::operator;

/// The largest template, in bytes; the longest in use have about 20,000.
pub(super) const MAX_SOURCE: usize = 128 * 1024;

/// Tokens between one pair of delimiters: an expression's depth, so the parser's recursion too.
const MAX_TAG_TOKENS: usize = 512;

/// `elif` and `macro` tags: each `elif` nests in the one before, each macro may hold the one before.
const MAX_NESTING_TAGS: usize = 256;

/// A bound on the text a constant expression (`'-' * 20`) makes while it is compiled.
const MAX_CONSTANT: u64 = 64 * 1024;

pub(super) const WHITESPACE: WhitespaceConfig =
    WhitespaceConfig { keep_trailing_newline: false, lstrip_blocks: true, trim_blocks: true };

/// Compiles `source`; `Err` holds the reason.
pub(super) fn compile(source: &str) -> Result<Instructions<'_>, String> {
    scan(source)?;
    let ast = parse(source, "chat template", syntax(), WHITESPACE).map_err(|e| describe(&e))?;
    let mut generator = CodeGenerator::new("chat template", source);
    generator.compile_stmt(&ast);
    let (instructions, blocks) = generator.finish();
    if !blocks.is_empty() {
        return Err("blocks are not supported in chat templates".into());
    }
    rewrite(&instructions, source)
}

// A unit struct unless another crate in the program switches `custom_syntax` on.
#[allow(clippy::default_constructed_unit_structs)]
fn syntax() -> SyntaxConfig {
    SyntaxConfig::default()
}

/// The engine's errors that hold nothing but the template's own words.
pub(super) fn describe(error: &minijinja::Error) -> String {
    use minijinja::ErrorKind as Kind;
    let mut text = error.kind().to_string();
    let own_words = matches!(
        error.kind(),
        Kind::SyntaxError
            | Kind::UnknownFilter
            | Kind::UnknownTest
            | Kind::UnknownFunction
            | Kind::UnknownMethod
            | Kind::MissingArgument
            | Kind::TooManyArguments
    );
    // Fixed texts of the engine; its others may quote values.
    let fixed = ["range has too many elements", "recursion limit exceeded"];
    let shown = |detail: &&str| own_words || fixed.contains(detail);
    if let Some(detail) = error.detail().filter(shown) {
        text = format!("{text}: {}", detail.chars().take(200).collect::<String>());
    }
    match error.line() {
        Some(line) => format!("line {line}: {text}"),
        None => text,
    }
}

/// Bounds what the parser and the code generator recurse over or evaluate.
fn scan(source: &str) -> Result<(), String> {
    let (mut tokens, mut nesting) = (0usize, 0usize);
    let (mut text, mut factor) = (0u64, 1u64);
    let (mut multiplies, mut unbounded) = (false, false);
    let mut first = true;
    for token in tokenize(source, false, syntax(), WHITESPACE) {
        let (token, _) = token.map_err(|e| describe(&e))?;
        tokens += 1;
        match token {
            Token::VariableStart | Token::BlockStart => {
                (tokens, text, factor, multiplies, unbounded, first) = (0, 0, 1, false, false, true);
                continue;
            }
            Token::TemplateData(_) => tokens = 0,
            Token::Ident("elif" | "macro" | "call") if first => nesting += 1,
            Token::Str(s) => text += s.len() as u64 + 1,
            Token::String(s) => text += s.len() as u64 + 1,
            Token::BracketOpen | Token::BraceOpen | Token::Comma => text += 1,
            Token::Int(n) => factor = factor.saturating_mul(n.max(2)),
            Token::Int128(_) | Token::Float(_) | Token::Pow => unbounded = true,
            Token::Mul => multiplies = true,
            _ => {}
        }
        first = false;
        if tokens > MAX_TAG_TOKENS {
            return Err(format!("a tag has more than {MAX_TAG_TOKENS} tokens"));
        }
        if nesting > MAX_NESTING_TAGS {
            return Err(format!("more than {MAX_NESTING_TAGS} elif, macro and call tags"));
        }
        if multiplies && text > 0 && (unbounded || text.saturating_mul(factor) > MAX_CONSTANT) {
            return Err(format!("a constant expression may make more than {MAX_CONSTANT} bytes"));
        }
    }
    Ok(())
}

/// Replaces instructions by guarded ones, and moves the jumps along.
fn rewrite<'s>(old: &Instructions<'s>, source: &'s str) -> Result<Instructions<'s>, String> {
    let count = u32::try_from(old.len()).map_err(|_| "too many instructions")?;
    let mut new = Instructions::new("chat template", source);
    let mut moved = Vec::with_capacity(old.len() + 1);
    for index in 0..count {
        moved.push(u32::try_from(new.len()).map_err(|_| "too many instructions")?);
        let Some(instruction) = old.get(index) else { break };
        for instruction in guarded(instruction)? {
            match (old.get_span(index), old.get_line(index)) {
                (Some(span), _) => new.add_with_span(instruction, span),
                (None, Some(line)) => new.add_with_line(instruction, u16::try_from(line).unwrap_or(u16::MAX)),
                (None, None) => new.add(instruction),
            };
        }
    }
    moved.push(u32::try_from(new.len()).map_err(|_| "too many instructions")?);
    for index in 0..u32::try_from(new.len()).unwrap_or(u32::MAX) {
        if let Some(
            Instruction::Iterate(target)
            | Instruction::Jump(target)
            | Instruction::JumpIfFalse(target)
            | Instruction::JumpIfFalseOrPop(target)
            | Instruction::JumpIfTrueOrPop(target)
            | Instruction::BuildMacro(_, target, _),
        ) = new.get_mut(index)
        {
            *target = *moved.get(*target as usize).ok_or("the template's code is inconsistent")?;
        }
    }
    Ok(new)
}

fn guarded<'s>(instruction: &Instruction<'s>) -> Result<Vec<Instruction<'s>>, String> {
    // `!0`: no slot in the engine's cache of looked-up filters.
    let call = |name, count| Instruction::ApplyFilter(name, Some(count), !0);
    let count = |n: usize| u16::try_from(n).map_err(|_| "a literal has too many items".to_string());
    let refused = |what: &str| Err(format!("{what} is not supported in chat templates"));
    Ok(vec![match instruction {
        Instruction::Add => call(operator::ADD, 2),
        Instruction::Mul => call(operator::MUL, 2),
        Instruction::StringConcat => call(operator::CONCAT, 2),
        Instruction::Eq => call(operator::EQ, 2),
        Instruction::Ne => call(operator::NE, 2),
        Instruction::Lt => call(operator::LT, 2),
        Instruction::Lte => call(operator::LE, 2),
        Instruction::Gt => call(operator::GT, 2),
        Instruction::Gte => call(operator::GE, 2),
        Instruction::In => call(operator::IN, 2),
        Instruction::GetItem => call(operator::ITEM, 2),
        Instruction::Slice => call(operator::SLICE, 4),
        Instruction::BuildList(Some(n)) => call(operator::LIST, count(*n)?),
        Instruction::BuildMap(n) => call(operator::MAP, count(n.saturating_mul(2))?),
        // Through the formatter, which charges for it: a raw text can be captured in a loop.
        Instruction::EmitRaw(text) => {
            return Ok(vec![Instruction::LoadConst(Value::from(*text)), Instruction::Emit]);
        }
        // The stack holds the value below the namespace.
        Instruction::SetAttr(name) => {
            return Ok(vec![
                Instruction::Swap,
                call(operator::STORE, 1),
                Instruction::Swap,
                Instruction::SetAttr(name),
            ]);
        }
        // Bit 1 of the flags says that the loop calls itself.
        Instruction::PushLoop(flags) if flags & 2 == 0 => {
            return Ok(vec![call(operator::ITERATE, 1), Instruction::PushLoop(*flags)]);
        }
        Instruction::PushLoop(_) | Instruction::FastRecurse => return refused("a recursive loop"),
        Instruction::UnpackList(n) => {
            return Ok(vec![call(operator::ITERATE, 1), Instruction::UnpackList(*n)]);
        }
        Instruction::UnpackLists(_) => return refused("a `*` argument"),
        Instruction::MergeKwargs(_) => return refused("a `**` argument"),
        Instruction::CompareAndPreserve(_) => return refused("a chained comparison"),
        Instruction::CallObject(_) => return refused("calling the result of an expression"),
        Instruction::CallFunction("super" | "loop", _) | Instruction::FastSuper => {
            return refused("super() or loop()");
        }
        Instruction::CallMethod("changed", _) => return refused("loop.changed"),
        Instruction::ApplyFilter(_, None, _)
        | Instruction::PerformTest(_, None, _)
        | Instruction::CallFunction(_, None)
        | Instruction::CallMethod(_, None) => return refused("a `*` argument"),
        Instruction::CallBlock(_)
        | Instruction::LoadBlocks
        | Instruction::Include(_)
        | Instruction::ExportLocals => return refused("a block, include, import or extends"),
        Instruction::PushAutoEscape | Instruction::PopAutoEscape => return refused("autoescape"),
        // Everything else touches a bounded number of values; listed, so that a new
        // instruction of the engine is looked at before it is let through.
        // `BuildList(None)` gathers what a loop with a condition let through: one item an iteration.
        Instruction::BuildList(None)
        | Instruction::StoreLocal(_)
        | Instruction::Lookup(_)
        | Instruction::GetAttr(_)
        | Instruction::LoadConst(_)
        | Instruction::BuildKwargs(_)
        | Instruction::Sub
        | Instruction::Div
        | Instruction::IntDiv
        | Instruction::Rem
        | Instruction::Pow
        | Instruction::Neg
        | Instruction::Not
        | Instruction::ApplyFilter(..)
        | Instruction::PerformTest(..)
        | Instruction::Emit
        | Instruction::PushWith
        | Instruction::Iterate(_)
        | Instruction::PushDidNotIterate
        | Instruction::PopFrame
        | Instruction::PopLoopFrame
        | Instruction::Jump(_)
        | Instruction::JumpIfFalse(_)
        | Instruction::JumpIfFalseOrPop(_)
        | Instruction::JumpIfTrueOrPop(_)
        | Instruction::BeginCapture(_)
        | Instruction::EndCapture
        | Instruction::CallFunction(..)
        | Instruction::CallMethod(..)
        | Instruction::DupTop
        | Instruction::DiscardTop
        | Instruction::Swap
        | Instruction::BuildMacro(..)
        | Instruction::Return
        | Instruction::IsUndefined
        | Instruction::Enclose(_)
        | Instruction::GetClosure => instruction.clone(),
    }])
}
