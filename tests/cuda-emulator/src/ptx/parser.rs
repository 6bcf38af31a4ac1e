//! The grammar of PTX: modules, functions, declarations.

use std::collections::HashMap;

use super::{
    Base, Function, Global, Module, Parameter, SyntaxError,
    body::Body,
    lexer::Token,
    scope::{Name, Scopes},
};

pub(super) struct Parser {
    tokens: Vec<(Token, u32)>,
    at: usize,
    pub(super) module: Module,
    /// The variables of the module.
    pub(super) names: HashMap<String, Base>,
    /// Bytes of the `.shared` variables of the module.
    shared_bytes: usize,
}

/// `.align 4 .b8 name[16]`.
pub(super) struct Declaration {
    pub(super) name: String,
    pub(super) align: usize,
    /// Of one element.
    pub(super) width: usize,
    /// `None`: `name[]`, whose size the launch decides.
    pub(super) bytes: Option<usize>,
}

type Result<T> = std::result::Result<T, SyntaxError>;

impl Parser {
    pub(super) fn new(tokens: Vec<(Token, u32)>) -> Parser {
        Parser {
            tokens,
            at: 0,
            module: Module::default(),
            names: HashMap::new(),
            shared_bytes: 0,
        }
    }

    pub(super) fn module(mut self) -> Result<Module> {
        while self.peek().is_some() {
            let word = self.word()?;
            match word.as_str() {
                ".version" | ".target" | ".address_size" => {
                    self.next()?;
                    while self.takes(',') {
                        self.next()?;
                    }
                }
                ".file" => {
                    self.word()?;
                    self.next()?;
                    while self.takes(',') {
                        self.next()?;
                    }
                }
                ".section" => {
                    self.word()?;
                    self.skip_braces()?;
                }
                ".visible" | ".weak" | ".extern" | ".common" => {}
                ".entry" | ".func" => self.function(word == ".entry")?,
                ".global" | ".const" => self.global()?,
                ".shared" => {
                    let declaration = self.declaration()?;
                    let base = place_shared(&declaration, &mut self.shared_bytes);
                    self.names.insert(declaration.name, base);
                    self.mark(';')?;
                }
                _ => return Err(self.expected("a directive of a module", &word)),
            }
        }
        self.module.local_bytes = self.module.local_bytes.next_multiple_of(16);
        Ok(self.module)
    }

    fn global(&mut self) -> Result<()> {
        let declaration = self.declaration()?;
        let mut bytes = vec![0; declaration.bytes.unwrap_or(0)];
        if self.takes('=') {
            let mut values = Vec::new();
            if self.takes('{') {
                while !self.takes('}') {
                    values.push(self.number()?);
                    self.takes(',');
                }
            } else {
                values.push(self.number()?);
            }
            let places = bytes.chunks_mut(declaration.width);
            for (place, value) in places.zip(values) {
                place.copy_from_slice(&value.to_le_bytes()[..declaration.width]);
            }
        }
        self.mark(';')?;
        let base = Base::Global(self.module.globals.len());
        let name = declaration.name.clone();
        self.module.globals.push(Global { name, bytes });
        self.names.insert(declaration.name, base);
        Ok(())
    }

    fn function(&mut self, is_kernel: bool) -> Result<()> {
        let mut scopes = Scopes::default();
        scopes.enter();
        let mut end = 0;
        let results = self.parameters(&mut scopes, &mut end)?;
        let name = self.word()?;
        let parameters = self.parameters(&mut scopes, &mut end)?;
        // `.maxntid 256, 1, 1` and the like
        while matches!(self.peek(), Some(Token::Word(word)) if word.starts_with('.')) {
            self.next()?;
            while matches!(self.peek(), Some(Token::Word(word)) if !word.starts_with('.'))
                || self.takes(',')
            {
                if matches!(self.peek(), Some(Token::Word(_))) {
                    self.next()?;
                }
            }
        }
        if self.takes(';') {
            return Ok(()); // a declaration
        }
        self.mark('{')?;
        let mut function = Function {
            name,
            is_kernel,
            parameters,
            results,
            parameter_bytes: end,
            call_bytes: 0,
            shared_bytes: self.shared_bytes,
            registers: Vec::new(),
            code: Vec::new(),
        };
        Body::new(self, &mut function, scopes).parse()?;
        self.module.functions.push(function);
        Ok(())
    }

    /// `(.param .u64 a, .param .u32 b)`, or nothing.
    fn parameters(&mut self, scopes: &mut Scopes, end: &mut usize) -> Result<Vec<Parameter>> {
        let mut parameters = Vec::new();
        if !self.takes('(') {
            return Ok(parameters);
        }
        while !self.takes(')') {
            let word = self.word()?;
            if word != ".param" {
                return Err(self.expected("`.param`", &word));
            }
            let declaration = self.declaration()?;
            let bytes = declaration.bytes.unwrap_or(0);
            let offset = end.next_multiple_of(declaration.align);
            *end = offset + bytes;
            let base = Base::Parameter(offset);
            scopes.declare(declaration.name, Name::Variable(base));
            parameters.push(Parameter { offset, bytes });
            self.takes(',');
        }
        Ok(parameters)
    }

    /// `.align 4 .b8 name[16]`, after the state space.
    pub(super) fn declaration(&mut self) -> Result<Declaration> {
        let (mut align, mut width) = (None, None);
        loop {
            let word = self.word()?;
            match word.as_str() {
                // of a pointer's target, in `.ptr .global .align 4`
                ".ptr" | ".global" | ".shared" | ".local" | ".const" => {}
                ".align" => {
                    let number = self.number()? as usize;
                    align.get_or_insert(number);
                }
                _ if word.starts_with('.') => {
                    width =
                        Some(width_of(&word[1..]).ok_or_else(|| self.expected("a type", &word))?);
                }
                _ => {
                    let width = width.ok_or_else(|| self.expected("a type", &word))?;
                    let mut bytes = Some(width);
                    while self.takes('[') {
                        if self.takes(']') {
                            bytes = None;
                        } else {
                            let number = self.number()? as usize;
                            bytes = bytes.map(|bytes| bytes * number);
                            self.mark(']')?;
                        }
                    }
                    return Ok(Declaration {
                        name: word,
                        align: align.unwrap_or(width),
                        width,
                        bytes,
                    });
                }
            }
        }
    }

    /// An integer, or the bits of a floating-point number, with its sign.
    pub(super) fn number(&mut self) -> Result<u64> {
        let is_negative = self.takes('-');
        let word = self.word()?;
        let value = parse_number(&word).ok_or_else(|| self.expected("a number", &word))?;
        Ok(if is_negative {
            value.wrapping_neg()
        } else {
            value
        })
    }

    fn skip_braces(&mut self) -> Result<()> {
        self.mark('{')?;
        let mut depth = 1;
        while depth > 0 {
            match self.next()? {
                Token::Mark('{') => depth += 1,
                Token::Mark('}') => depth -= 1,
                _ => {}
            }
        }
        Ok(())
    }

    pub(super) fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(token, _)| token)
    }

    pub(super) fn is_mark(&self, ahead: usize, mark: char) -> bool {
        matches!(self.tokens.get(self.at + ahead), Some((Token::Mark(c), _)) if *c == mark)
    }

    pub(super) fn line(&self) -> u32 {
        let last = self.tokens.len().saturating_sub(1);
        self.tokens
            .get(self.at.min(last))
            .map_or(0, |(_, line)| *line)
    }

    pub(super) fn next(&mut self) -> Result<Token> {
        let token = self.peek().cloned();
        self.at += 1;
        token.ok_or_else(|| self.expected("more", "the end"))
    }

    pub(super) fn word(&mut self) -> Result<String> {
        match self.next()? {
            Token::Word(word) => Ok(word),
            other => Err(self.expected("a word", &format!("{other:?}"))),
        }
    }

    pub(super) fn takes(&mut self, mark: char) -> bool {
        let found = self.is_mark(0, mark);
        self.at += usize::from(found);
        found
    }

    pub(super) fn mark(&mut self, mark: char) -> Result<()> {
        if self.takes(mark) {
            return Ok(());
        }
        let found = format!("{:?}", self.peek());
        Err(self.expected(&format!("{mark:?}"), &found))
    }

    pub(super) fn expected(&self, expected: &str, found: &str) -> SyntaxError {
        SyntaxError {
            line: self.line(),
            message: format!("expected {expected}, found {found}"),
        }
    }
}

/// Places a `.shared` variable after those before it.
pub(super) fn place_shared(declaration: &Declaration, end: &mut usize) -> Base {
    let Some(bytes) = declaration.bytes else {
        return Base::DynamicShared;
    };
    let offset = end.next_multiple_of(declaration.align);
    *end = offset + bytes;
    Base::Shared(offset)
}

/// The bytes of a type.
pub(crate) fn width_of(name: &str) -> Option<usize> {
    match name {
        "pred" => Some(1),
        "f16" | "bf16" => Some(2),
        "f16x2" | "bf16x2" => Some(4),
        _ => match name.strip_prefix(['b', 'u', 's', 'f'])? {
            "8" => Some(1),
            "16" => Some(2),
            "32" => Some(4),
            "64" => Some(8),
            "128" => Some(16),
            _ => None,
        },
    }
}

/// `12`, `0x1F`, `0f3F800000` (the bits of an `f32`), `0d3FF0000000000000` (those of an `f64`); with `U` for unsigned.
pub(super) fn parse_number(word: &str) -> Option<u64> {
    let word = word.strip_suffix('U').unwrap_or(word);
    let radix = |digits: &str, radix| u64::from_str_radix(digits, radix).ok();
    match word.get(..2) {
        Some("0x" | "0X" | "0f" | "0F" | "0d" | "0D") => radix(&word[2..], 16),
        Some("0b" | "0B") => radix(&word[2..], 2),
        Some(_) if word.starts_with('0') => radix(&word[1..], 8),
        _ => word.parse().ok(),
    }
}
