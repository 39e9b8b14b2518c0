// SPDX-License-Identifier: MIT OR Apache-2.0
//! Symbols and functions of all objects, and what the entry reaches.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::data::{Part, Reference};
use super::elf::{Definition, Kind, Object, Section, Symbol, relocation};
use super::error::{LinkError, Problem};
use super::{Instruction, Operand, Place, text};

/// Index of a function in a [`Program`].
pub(super) type FunctionId = usize;

#[derive(Clone, Debug)]
pub(super) struct Function {
    pub(super) name: String,
    pub(super) place: Place,
    /// Offset behind its last instruction.
    pub(super) end: u64,
    global: bool,
}

/// What a relocation goes to.
pub(super) enum Target {
    Text(Place),
    Data(Reference),
    Absolute(u64),
}

/// The functions and global symbols of all objects.
pub(super) struct Program<'o> {
    pub(super) objects: &'o [Object],
    pub(super) functions: Vec<Function>,
    by_place: BTreeMap<Place, FunctionId>,
    /// Object and symbol index of what a name stands for.
    globals: HashMap<&'o str, (usize, usize)>,
}

/// What the entry reaches.
pub(super) struct Reached {
    /// The functions, of which the first is the entry.
    pub(super) functions: Vec<(FunctionId, Vec<Instruction>)>,
    pub(super) atoms: Atoms,
}

/// The data that is reached.
#[derive(Default)]
pub(super) struct Atoms {
    pub(super) parts: BTreeSet<Part>,
    /// Addresses that stand in data.
    pub(super) pointers: BTreeMap<Place, Pointer>,
}

pub(super) struct Pointer {
    pub(super) wide: bool,
    /// What it points to; `None` for an absolute number.
    pub(super) target: Option<Reference>,
    pub(super) absolute: u64,
}

impl<'o> Program<'o> {
    /// Collects functions and global symbols.
    pub(super) fn collect(objects: &'o [Object]) -> Result<Self, LinkError> {
        let mut program = Self {
            objects,
            functions: Vec::new(),
            by_place: BTreeMap::new(),
            globals: HashMap::new(),
        };
        let mut problems = Vec::new();
        for (index, object) in objects.iter().enumerate() {
            program.collect_functions(index, object);
            for (symbol_index, symbol) in object.symbols.iter().enumerate() {
                if symbol.global && symbol.definition != Definition::Undefined {
                    problems.extend(program.define(index, symbol_index, symbol));
                }
            }
        }
        LinkError::check(problems)?;
        Ok(program)
    }

    fn collect_functions(&mut self, index: usize, object: &'o Object) {
        let mut starts: BTreeMap<(usize, u64), &Symbol> = BTreeMap::new();
        for symbol in object.symbols.iter().filter(|symbol| symbol.is_function) {
            let Definition::Section(section) = symbol.definition else {
                continue;
            };
            let known = starts.entry((section, symbol.value)).or_insert(symbol);
            if symbol.global && !known.global {
                *known = symbol;
            }
        }
        for (&(section, offset), symbol) in &starts {
            let size = object.sections.get(section).map_or(0, |s| s.size);
            let next = starts
                .range((section, offset.saturating_add(1))..=(section, u64::MAX))
                .next()
                .map_or(size, |(&(_, next), _)| next);
            let end = match symbol.size {
                0 => next,
                size => offset.saturating_add(size),
            };
            let place = Place {
                object: index,
                section,
                offset,
            };
            self.by_place.insert(place, self.functions.len());
            self.functions.push(Function {
                name: symbol.name.clone(),
                place,
                end: end.min(size),
                global: symbol.global,
            });
        }
    }

    fn define(&mut self, object: usize, index: usize, symbol: &'o Symbol) -> Option<Problem> {
        let Some(&(other, known)) = self.globals.get(symbol.name.as_str()) else {
            self.globals.insert(&symbol.name, (object, index));
            return None;
        };
        let other = &self.objects[other];
        let known = &other.symbols[known];
        match (known.weak, symbol.weak) {
            (false, false) => Some(
                Problem::new(
                    self.objects[object].name(),
                    format!("`{}` is defined in {} too", symbol.name, other.name()),
                )
                .help("make one of them static, or rename it"),
            ),
            (true, strong) if !strong || symbol.size > known.size => {
                self.globals.insert(&symbol.name, (object, index));
                None
            }
            _ => None,
        }
    }

    pub(super) fn section(&self, object: usize, section: usize) -> Option<&'o Section> {
        self.objects.get(object)?.sections.get(section)
    }

    /// The source line of a place.
    pub(super) fn line(&self, place: Place) -> String {
        match self.objects.get(place.object) {
            Some(object) => object.place(place.section, place.offset),
            None => String::new(),
        }
    }

    /// Where a symbol of an object and what is added to it lead; `at` is the
    /// place that asks.
    pub(super) fn resolve(&self, at: Place, symbol: usize, addend: i64) -> Result<Target, Problem> {
        let damaged = || Problem::new(self.line(at), "relocation with a symbol that is not there");
        let mut object = at.object;
        let mut symbol = self.objects[object]
            .symbols
            .get(symbol)
            .ok_or_else(damaged)?;
        if symbol.global
            && let Some(&(other, index)) = self.globals.get(symbol.name.as_str())
        {
            object = other;
            symbol = &self.objects[other].symbols[index];
        }
        let section_index = match symbol.definition {
            Definition::Section(section) => section,
            Definition::Absolute => {
                return Ok(Target::Absolute(symbol.value.wrapping_add_signed(addend)));
            }
            Definition::Undefined => {
                return Err(undefined(self.line(at), &symbol.name));
            }
        };
        let section = self.section(object, section_index).ok_or_else(damaged)?;
        let (base, delta) = match symbol.is_section {
            true => (addend.cast_unsigned(), 0),
            false => (symbol.value, addend),
        };
        match section.kind {
            Kind::Text => Ok(Target::Text(Place {
                object,
                section: section_index,
                offset: base.wrapping_add_signed(delta),
            })),
            Kind::ThreadLocal => Err(Problem::new(
                self.line(at),
                format!("`{}` is thread-local", symbol.name),
            )
            .help("there are no threads in a container: drop _Thread_local")),
            Kind::Other => Err(Problem::new(
                self.line(at),
                format!(
                    "reference to section `{}`, which is not loaded",
                    section.name
                ),
            )),
            Kind::Rodata | Kind::Data | Kind::Bss => {
                let index = section.parts.partition_point(|&start| start <= base);
                let part = index.saturating_sub(1);
                let start = section.parts.get(part).copied().unwrap_or(0);
                Ok(Target::Data(Reference {
                    part: Part {
                        object,
                        section: section_index,
                        index: part,
                    },
                    delta: base.wrapping_sub(start).cast_signed().wrapping_add(delta),
                }))
            }
        }
    }

    /// The function that begins at a place.
    pub(super) fn function_at(&self, place: Place) -> Option<FunctionId> {
        self.by_place.get(&place).copied()
    }

    /// The function where runs start.
    pub(super) fn entry(&self, name: Option<&str>) -> Result<FunctionId, LinkError> {
        let list = |ids: &[FunctionId]| {
            let names: Vec<_> = ids
                .iter()
                .filter_map(|&id| self.functions.get(id))
                .map(|function| format!("`{}`", function.name))
                .collect();
            names.join(", ")
        };
        let global: Vec<FunctionId> = (0..self.functions.len())
            .filter(|&id| self.functions.get(id).is_some_and(|f| f.global))
            .collect();
        if let Some(name) = name {
            let mut named: Vec<_> = (0..self.functions.len())
                .filter(|&id| self.functions.get(id).is_some_and(|f| f.name == name))
                .collect();
            // A static function has no say where a global one has its name.
            if named.iter().any(|id| global.contains(id)) {
                named.retain(|id| global.contains(id));
            }
            return match named[..] {
                [id] => Ok(id),
                [] => Err(
                    Problem::new("", format!("no function `{name}` to start at"))
                        .help(format!("the global functions are: {}", list(&global)))
                        .into(),
                ),
                _ => Err(
                    Problem::new("", format!("several functions are called `{name}`"))
                        .help("rename one of them")
                        .into(),
                ),
            };
        }
        let called: BTreeSet<FunctionId> = (0..self.functions.len())
            .flat_map(|id| {
                text::calls(self, id)
                    .into_iter()
                    .filter(move |&to| to != id)
            })
            .collect();
        let candidates: Vec<_> = global
            .iter()
            .copied()
            .filter(|id| !called.contains(id))
            .collect();
        match candidates[..] {
            [id] => Ok(id),
            [] if global.is_empty() => Err(Problem::new("", "no global function to start at")
                .help("define a function that is not static, or name a static one with --entry")
                .into()),
            [] => Err(
                Problem::new("", "every global function is called by another")
                    .help(format!("name one with --entry: {}", list(&global)))
                    .into(),
            ),
            _ => Err(Problem::new("", "several functions could be the start")
                .help(format!(
                    "name one with --entry, or make the others static: {}",
                    list(&candidates)
                ))
                .into()),
        }
    }

    /// All that the entry reaches: functions, by calls, and data.
    pub(super) fn reach(&self, entry: FunctionId) -> Result<Reached, LinkError> {
        let mut problems = Vec::new();
        let mut functions = Vec::new();
        let mut seen = BTreeSet::from([entry]);
        let mut waiting = std::collections::VecDeque::from([entry]);
        let mut parts = Vec::new();
        while let Some(id) = waiting.pop_front() {
            let instructions = text::decode(self, id, &mut problems);
            for instruction in &instructions {
                match instruction.operand {
                    Operand::Call(to) if seen.insert(to) => waiting.push_back(to),
                    Operand::Address(reference) => parts.push(reference.part),
                    _ => {}
                }
            }
            functions.push((id, instructions));
        }
        let mut atoms = Atoms::default();
        while let Some(part) = parts.pop() {
            if atoms.parts.insert(part) {
                self.reach_data(part, &mut atoms, &mut parts, &mut problems);
            }
        }
        LinkError::check(problems)?;
        Ok(Reached { functions, atoms })
    }

    /// The relocations of a piece of data.
    fn reach_data(
        &self,
        part: Part,
        atoms: &mut Atoms,
        found: &mut Vec<Part>,
        problems: &mut Vec<Problem>,
    ) {
        let Some(section) = self.section(part.object, part.section) else {
            return;
        };
        let (start, end) = part.range(section);
        for (&offset, relocation) in section.relocations.range(start..end.max(start)) {
            let place = Place {
                object: part.object,
                section: part.section,
                offset,
            };
            let name = || self.line(place);
            let field = section.bytes.get(offset as usize..).unwrap_or_default();
            let (wide, addend) = match (relocation.kind, field) {
                (relocation::ABS64, &[a, b, c, d, e, f, g, h, ..]) => {
                    (true, i64::from_le_bytes([a, b, c, d, e, f, g, h]))
                }
                (relocation::ABS32, &[a, b, c, d, ..]) => {
                    (false, u32::from_le_bytes([a, b, c, d]).into())
                }
                (relocation::ABS64 | relocation::ABS32, _) => {
                    problems.push(Problem::new(name(), "relocation beyond the section's end"));
                    continue;
                }
                (kind, _) => {
                    problems.push(Problem::new(
                        name(),
                        format!("relocation of kind {kind} in data is not supported"),
                    ));
                    continue;
                }
            };
            let pointer = match self.resolve(place, relocation.symbol, addend) {
                Ok(Target::Data(reference)) => {
                    found.push(reference.part);
                    Pointer {
                        wide,
                        target: Some(reference),
                        absolute: 0,
                    }
                }
                Ok(Target::Absolute(absolute)) => Pointer {
                    wide,
                    target: None,
                    absolute,
                },
                Ok(Target::Text(place)) => {
                    problems.push(function_pointer(name(), self, place));
                    continue;
                }
                Err(problem) => {
                    problems.push(problem);
                    continue;
                }
            };
            atoms.pointers.insert(place, pointer);
        }
    }
}

/// The address of a function is taken.
pub(super) fn function_pointer(at: String, program: &Program<'_>, to: Place) -> Problem {
    let name = program
        .function_at(to)
        .and_then(|id| program.functions.get(id))
        .map_or("a function", |function| &function.name);
    Problem::new(at, format!("the address of `{name}` is taken"))
        .help("there are no function pointers: call functions by name, or use switch")
}

fn undefined(place: String, name: &str) -> Problem {
    let has = |pieces: &[&str]| pieces.iter().any(|piece| name.contains(piece));
    let problem = Problem::new(place, format!("`{name}` is not defined by any input"));
    let runtime = name.starts_with("__");
    problem.help(match name {
        "memcpy" | "memmove" => "there is no C library: use bpf_memcpy",
        "memset" | "memcmp" | "strlen" | "strcpy" | "strcmp" => {
            "there is no C library: write a loop"
        }
        "printf" | "puts" | "putchar" => "there is no C library: use bpf_printf",
        "__bpf_trap" => "the compiler found code that must not be reached (undefined behaviour)",
        _ if runtime && has(&["ti3", "ti2"]) => "there is no 128-bit arithmetic: use uint64_t",
        _ if runtime && has(&["sf", "df", "tf", "xf"]) => {
            "there is no floating point: use integers, scaled"
        }
        _ if name.starts_with("bpf_") => {
            "no such helper is known; the headers <rbpf/...> declare those that are"
        }
        _ => "define it in one of the inputs; the host is called through the helpers in <rbpf/...>",
    })
}
