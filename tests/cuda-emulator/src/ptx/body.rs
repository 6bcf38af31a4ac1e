//! The body of a function: declarations, labels, instructions and their operands.

use std::collections::HashMap;

use super::{
    Base, Function, Instruction, Operand, Register, Special, SyntaxError, Variable,
    lexer::Token,
    parser::{Parser, parse_number, place_shared, width_of},
    scope::{Name, Scopes},
};
use crate::operation;

pub(super) struct Body<'a> {
    parser: &'a mut Parser,
    function: &'a mut Function,
    scopes: Scopes,
    /// The index of the instruction after each label.
    labels: HashMap<String, usize>,
    /// Operands that are labels or functions: instruction, operand, name.
    open: Vec<(usize, usize, String)>,
    source_line: Option<u32>,
}

type Result<T> = std::result::Result<T, SyntaxError>;

impl<'a> Body<'a> {
    pub(super) fn new(parser: &'a mut Parser, function: &'a mut Function, scopes: Scopes) -> Self {
        Body {
            parser,
            function,
            scopes,
            labels: HashMap::new(),
            open: Vec::new(),
            source_line: None,
        }
    }

    /// Parses up to the closing brace.
    pub(super) fn parse(mut self) -> Result<()> {
        let mut depth = 1;
        while depth > 0 {
            if self.parser.takes('{') {
                self.scopes.enter();
                depth += 1;
            } else if self.parser.takes('}') {
                self.scopes.leave();
                depth -= 1;
            } else if self.parser.takes(';') {
            } else if self.parser.is_mark(1, ':') {
                let label = self.parser.word()?;
                self.parser.mark(':')?;
                self.labels.insert(label, self.function.code.len());
            } else if matches!(self.parser.peek(), Some(Token::Word(word)) if word.starts_with('.'))
            {
                self.directive()?;
            } else {
                self.instruction()?;
            }
        }
        for (instruction, operand, name) in self.open {
            let operand = &mut self.function.code[instruction].operands[operand];
            *operand = match self.labels.get(&name) {
                Some(label) => Operand::Label(*label),
                None => Operand::Function(name),
            };
        }
        Ok(())
    }

    fn directive(&mut self) -> Result<()> {
        let word = self.parser.word()?;
        match word.as_str() {
            ".loc" => {
                self.parser.number()?;
                self.source_line = Some(self.parser.number()? as u32);
                self.parser.number()?;
                // `, function_name label, inlined_at file line column`
                if self.parser.takes(',') {
                    for _ in 0..2 {
                        self.parser.next()?;
                    }
                    if self.parser.takes('+') {
                        self.parser.next()?;
                    }
                    self.parser.mark(',')?;
                    for _ in 0..4 {
                        self.parser.next()?;
                    }
                }
                return Ok(());
            }
            ".pragma" => {
                self.parser.next()?;
            }
            ".reg" => self.registers()?,
            ".shared" if !self.function.is_kernel => {
                return Err(self
                    .parser
                    .expected("no shared memory of a function", &word));
            }
            ".shared" => {
                let declaration = self.parser.declaration()?;
                let base = place_shared(&declaration, &mut self.function.shared_bytes);
                self.scopes.declare(declaration.name, Name::Variable(base));
            }
            ".local" | ".param" => {
                let declaration = self.parser.declaration()?;
                let bytes = declaration.bytes.unwrap_or(0);
                let end = match word == ".local" {
                    true => &mut self.parser.module.local_bytes,
                    false => &mut self.function.call_bytes,
                };
                let offset = end.next_multiple_of(declaration.align);
                *end = offset + bytes;
                let base = match word == ".local" {
                    true => Base::Local(offset),
                    false => Base::CallParameter(offset, bytes),
                };
                self.scopes.declare(declaration.name, Name::Variable(base));
            }
            _ => return Err(self.parser.expected("a directive of a function", &word)),
        }
        self.parser.mark(';')
    }

    /// `.reg .b32 %r<5>, a, b;`
    fn registers(&mut self) -> Result<()> {
        let kind = self.parser.word()?;
        let mask = match (kind.as_str(), width_of(kind.trim_start_matches('.'))) {
            (".pred", _) => 1,
            (_, Some(bytes @ 1..=8)) => u64::MAX >> (64 - 8 * bytes),
            _ => return Err(self.parser.expected("a type of up to 64 bits", &kind)),
        };
        loop {
            let name = self.parser.word()?;
            let first = self.function.registers.len();
            if self.parser.takes('<') {
                let count = self.parser.number()? as usize;
                self.parser.mark('>')?;
                let numbered = (0..count).map(|i| Variable {
                    name: format!("{name}{i}"),
                    mask,
                });
                self.function.registers.extend(numbered);
                self.scopes.declare(name, Name::Registers(first, count));
            } else {
                let register = Variable {
                    name: name.clone(),
                    mask,
                };
                self.function.registers.push(register);
                self.scopes.declare(name, Name::Register(first));
            }
            if !self.parser.takes(',') {
                return Ok(());
            }
        }
    }

    fn instruction(&mut self) -> Result<()> {
        let line = self.parser.line();
        let guard = if self.parser.takes('@') {
            let is_negated = self.parser.takes('!');
            let name = self.parser.word()?;
            Some((self.register(&name)?, !is_negated))
        } else {
            None
        };
        let opcode = self.parser.word()?;
        let mut operands = Vec::new();
        while !self.parser.takes(';') {
            if let Some(operand) = self.operand(Some(operands.len()))? {
                operands.push(operand);
            }
            self.parser.takes(',');
        }
        self.function.code.push(Instruction {
            line,
            source_line: self.source_line,
            guard,
            operation: operation::decode(&opcode),
            opcode,
            operands,
        });
        Ok(())
    }

    /// The operand at this place of the instruction, or one of several there.
    fn operand(&mut self, at: Option<usize>) -> Result<Option<Operand>> {
        for (open, close) in [('{', '}'), ('(', ')')] {
            if self.parser.takes(open) {
                let mut list = Vec::new();
                while !self.parser.takes(close) {
                    list.extend(self.operand(None)?);
                    self.parser.takes(',');
                }
                let list = if open == '{' {
                    Operand::Vector(list)
                } else {
                    Operand::List(list)
                };
                return Ok(Some(list));
            }
        }
        if self.parser.takes('[') {
            return self.address().map(Some);
        }
        if self.parser.takes('!') {
            let name = self.parser.word()?;
            return Ok(Some(Operand::Not(self.register(&name)?)));
        }
        if self.parser.is_mark(0, '-') {
            return Ok(Some(Operand::Immediate(self.parser.number()?)));
        }
        let word = self.parser.word()?;
        if self.parser.takes('|') {
            let second = self.parser.word()?;
            let pair = Operand::Pair(self.register(&word)?, self.register(&second)?);
            return Ok(Some(pair));
        }
        if word == "_" {
            return Ok(Some(Operand::Sink));
        }
        if let Some(value) = parse_number(&word) {
            return Ok(Some(Operand::Immediate(value)));
        }
        if let Some(special) = special(&word) {
            return Ok(Some(Operand::Special(special)));
        }
        if let Some(register) = self.scopes.register(&word) {
            return Ok(Some(Operand::Register(register)));
        }
        if let Some(base) = self.variable(&word) {
            return Ok(Some(Operand::Variable(base)));
        }
        let Some(at) = at else {
            return Err(self.parser.expected("a declared name", &word));
        };
        self.open.push((self.function.code.len(), at, word));
        Ok(Some(Operand::Sink))
    }

    /// `[%rd1+8]`, after the bracket.
    fn address(&mut self) -> Result<Operand> {
        let base = match parse_number(&self.peek_word()) {
            Some(_) => Base::Absolute,
            None => {
                let word = self.parser.word()?;
                match self.scopes.register(&word) {
                    Some(register) => Base::Register(register),
                    None => {
                        let variable = self.variable(&word);
                        variable.ok_or_else(|| self.parser.expected("an address", &word))?
                    }
                }
            }
        };
        let mut offset = 0;
        if base == Base::Absolute || self.parser.takes('+') || self.parser.is_mark(0, '-') {
            offset = self.parser.number()? as i64;
        }
        self.parser.mark(']')?;
        Ok(Operand::Address(base, offset))
    }

    fn peek_word(&self) -> String {
        match self.parser.peek() {
            Some(Token::Word(word)) => word.clone(),
            _ => String::new(),
        }
    }

    fn variable(&self, name: &str) -> Option<Base> {
        let of_module = || self.parser.names.get(name).copied();
        self.scopes.variable(name).or_else(of_module)
    }

    fn register(&self, name: &str) -> Result<Register> {
        let register = self.scopes.register(name);
        register.ok_or_else(|| self.parser.expected("a declared register", name))
    }
}

fn special(word: &str) -> Option<Special> {
    let dimension = |name: &str| ["x", "y", "z"].iter().position(|d| *d == name);
    if let Some((name, dim)) = word.split_once('.') {
        let dim = dimension(dim)?;
        return match name {
            "%tid" => Some(Special::Thread(dim)),
            "%ntid" => Some(Special::BlockDim(dim)),
            "%ctaid" => Some(Special::Block(dim)),
            "%nctaid" => Some(Special::GridDim(dim)),
            _ => None,
        };
    }
    match word {
        "%laneid" => Some(Special::Lane),
        "%warpid" => Some(Special::Warp),
        "%clock" | "%clock64" | "%globaltimer" => Some(Special::Clock),
        "%lanemask_lt" => Some(Special::LaneMaskLess),
        "%lanemask_eq" => Some(Special::LaneMaskEqual),
        "WARP_SZ" => Some(Special::WarpSize),
        "%dynamic_smem_size" => Some(Special::DynamicSharedBytes),
        _ => None,
    }
}
