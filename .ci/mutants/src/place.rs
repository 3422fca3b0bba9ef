//! Where in a file each mutant of it stands.

use std::collections::BTreeMap;
use std::ops::Range;

use proc_macro2::{LineColumn, Span};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use crate::Mutant;
use crate::render::{Edit, Piece};

/// The edits of a file, and the mutants without one.
pub struct Found {
    pub edits: Vec<Edit>,
    pub without: Vec<(usize, String)>,
}

pub fn place(source: &str, mutants: &[Mutant]) -> syn::Result<Found> {
    let lines = std::iter::once(0)
        .chain(source.match_indices('\n').map(|(at, _)| at + 1))
        .collect();
    let mut finder = Finder {
        source,
        lines,
        at: BTreeMap::new(),
        functions: Vec::new(),
        still: 0,
        edits: Vec::new(),
    };
    let mut bodies = Vec::new();
    for mutant in mutants {
        let start = finder.offset(LineColumn {
            line: mutant.start.0,
            column: mutant.start.1 - 1,
        });
        match mutant.genre.as_str() {
            "FnValue" => bodies.push((start, mutant)),
            _ => finder.at.entry(start).or_default().push(mutant),
        }
    }
    finder.visit_file(&syn::parse_file(source)?);
    let mut without = Vec::new();
    for (start, mutant) in bodies {
        finder.body(start, mutant, &mut without);
    }
    let left = finder.at.values().flatten();
    without.extend(left.map(|mutant| (mutant.number, format!("{}: no place for it", mutant.genre))));
    Ok(Found {
        edits: finder.edits,
        without,
    })
}

struct Finder<'a> {
    source: &'a str,
    /// Where each line begins.
    lines: Vec<usize>,
    /// Mutants of what begins there, until they have found their place.
    at: BTreeMap<usize, Vec<&'a Mutant>>,
    /// Bodies of functions with their braces, and why none can return early.
    functions: Vec<(Range<usize>, Option<&'static str>)>,
    /// How many constants are around.
    still: usize,
    edits: Vec<Edit>,
}

impl<'a> Finder<'a> {
    fn offset(&self, at: LineColumn) -> usize {
        let begin = self.lines[at.line - 1];
        let line = &self.source[begin..];
        begin
            + line
                .char_indices()
                .nth(at.column)
                .map_or(line.len(), |(bytes, _)| bytes)
    }

    fn range(&self, span: Span) -> Range<usize> {
        self.offset(span.start())..self.offset(span.end())
    }

    fn text(&self, range: &Range<usize>) -> &'a str {
        &self.source[range.clone()]
    }

    /// Takes those of one genre, where there may be any.
    fn take(&mut self, start: usize, genre: &str) -> Vec<&'a Mutant> {
        if self.still > 0 {
            return Vec::new();
        }
        let Some(here) = self.at.get_mut(&start) else {
            return Vec::new();
        };
        here.extract_if(.., |mutant| mutant.genre == genre).collect()
    }

    /// A value instead of the whole body: returned as the first statement of the innermost function.
    fn body(&mut self, start: usize, mutant: &Mutant, without: &mut Vec<(usize, String)>) {
        let around = self.functions.iter().filter(|(body, _)| body.contains(&start));
        match around.min_by_key(|(body, _)| body.len()) {
            Some((body, None)) => self.edits.push(Edit::Insert {
                at: body.start + 1,
                number: mutant.number,
                text: format!(
                    "if crate::mutant({}) {{ return {}; }}",
                    mutant.number,
                    mutant.replacement.replace('\n', " ")
                ),
            }),
            Some((_, Some(why))) => without.push((mutant.number, format!("FnValue: {why}"))),
            None => without.push((mutant.number, "FnValue: no function around".to_owned())),
        }
    }

    fn function(&mut self, signature: &syn::Signature, block: &syn::Block, inner: impl FnOnce(&mut Self)) {
        let range = self.range(block.span());
        let constant = signature.constness.is_some();
        let opaque = matches!(&signature.output, syn::ReturnType::Type(_, kind) if matches!(**kind, syn::Type::ImplTrait(_)));
        let why = if constant {
            Some("in a const fn")
        } else {
            opaque.then_some("of an unnamed type")
        };
        self.functions.push((range, why));
        let before = std::mem::replace(&mut self.still, usize::from(constant));
        inner(self);
        self.still = before;
    }

    fn constant(&mut self, inner: impl FnOnce(&mut Self)) {
        self.still += 1;
        inner(self);
        self.still -= 1;
    }

    fn binary(&mut self, binary: &syn::ExprBinary) {
        if says_let(&binary.left) || says_let(&binary.right) {
            return;
        }
        let operator = self.offset(binary.op.span().start());
        let here = self.take(operator, "BinaryOperator");
        if here.is_empty() {
            return;
        }
        let (whole, left, right) = (
            self.range(binary.span()),
            self.range(binary.left.span()),
            self.range(binary.right.span()),
        );
        let with = |mutant: &&Mutant| {
            let text = format!(
                "({}) {} ({})",
                self.text(&left),
                mutant.replacement,
                self.text(&right)
            );
            (mutant.number, text)
        };
        let other = here.iter().map(with).collect();
        let between = self.text(&(left.end..right.start)).trim();
        let inner = vec![
            Piece::Text("(".to_owned()),
            Piece::Source(left),
            Piece::Text(format!("\n) {between} (")),
            Piece::Source(right),
            Piece::Text("\n)".to_owned()),
        ];
        self.choose(whole, other, inner);
    }

    /// Nothing stands before it.
    fn choose(&mut self, whole: Range<usize>, other: Vec<(usize, String)>, inner: Vec<Piece>) {
        self.edits.push(Edit::Choose {
            whole,
            before: String::new(),
            other,
            inner,
        });
    }

    fn unary(&mut self, unary: &syn::ExprUnary) {
        let operator = self.offset(unary.op.span().start());
        let here = self.take(operator, "UnaryOperator");
        if here.is_empty() {
            return;
        }
        let (whole, operand) = (self.range(unary.span()), self.range(unary.expr.span()));
        let text = self.text(&operand);
        let other = here
            .iter()
            .map(|mutant| (mutant.number, format!("({text})")))
            .collect();
        let sign = self.text(&(whole.start..operand.start)).trim();
        let inner = vec![
            Piece::Text(format!("{sign} (")),
            Piece::Source(operand),
            Piece::Text("\n)".to_owned()),
        ];
        self.choose(whole, other, inner);
    }

    /// An arm that is not taken, and one whose guard always or never lets in.
    fn arm(&mut self, arm: &syn::Arm) {
        let deleted = self.take(self.range(arm.span()).start, "MatchArm");
        let Some((_, guard)) = &arm.guard else {
            let at = self.range(arm.pat.span()).end;
            let with = |mutant: &Mutant| format!(" if !crate::mutant({})", mutant.number);
            let edits = deleted.iter().map(|mutant| Edit::Insert {
                at,
                number: mutant.number,
                text: with(mutant),
            });
            self.edits.extend(edits);
            return;
        };
        let guard = self.range(guard.span());
        let replaced = self.take(guard.start, "MatchArmGuard");
        let mut other: Vec<_> = deleted
            .iter()
            .map(|mutant| (mutant.number, "false".to_owned()))
            .collect();
        other.extend(
            replaced
                .iter()
                .map(|mutant| (mutant.number, mutant.replacement.clone())),
        );
        if !other.is_empty() {
            self.choose(guard.clone(), other, vec![Piece::Source(guard)]);
        }
    }
}

impl Finder<'_> {
    /// Fields that are as in the rest of the structure.
    fn fields(&mut self, structure: &syn::ExprStruct) {
        let Some(rest) = &structure.rest else { return };
        let (rest, path) = (
            self.text(&self.range(rest.span())),
            self.text(&self.range(structure.path.span())),
        );
        for field in &structure.fields {
            let whole = self.range(field.span());
            let syn::Member::Named(name) = &field.member else {
                continue;
            };
            let without = match rest.ends_with("default()") {
                true => format!("<{path} as Default>::default().{name}"),
                false => format!("({rest}).{name}.clone()"),
            };
            let with = |mutant: &Mutant| (mutant.number, without.clone());
            let other: Vec<_> = self
                .take(whole.start, "StructField")
                .into_iter()
                .map(with)
                .collect();
            if !other.is_empty() {
                let value = self.range(field.expr.span());
                let whole = if field.colon_token.is_some() {
                    value.clone()
                } else {
                    whole
                };
                let name = field.colon_token.is_none().then(|| format!("{name}: "));
                let inner = vec![Piece::Source(value)];
                self.edits.push(Edit::Choose {
                    whole,
                    before: name.unwrap_or_default(),
                    other,
                    inner,
                });
            }
        }
    }
}

/// Whether a chain has a `let` in it, which stands only where it is.
fn says_let(expression: &syn::Expr) -> bool {
    match expression {
        syn::Expr::Let(_) => true,
        syn::Expr::Binary(binary) => says_let(&binary.left) || says_let(&binary.right),
        _ => false,
    }
}

impl<'ast> Visit<'ast> for Finder<'_> {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.sig, &item.block, |finder| {
            visit::visit_item_fn(finder, item)
        });
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(&item.sig, &item.block, |finder| {
            visit::visit_impl_item_fn(finder, item)
        });
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        match &item.default {
            Some(block) => self.function(&item.sig, block, |finder| {
                visit::visit_trait_item_fn(finder, item)
            }),
            None => visit::visit_trait_item_fn(self, item),
        }
    }

    fn visit_item_const(&mut self, item: &'ast syn::ItemConst) {
        self.constant(|finder| visit::visit_item_const(finder, item));
    }

    fn visit_item_static(&mut self, item: &'ast syn::ItemStatic) {
        self.constant(|finder| visit::visit_item_static(finder, item));
    }

    fn visit_impl_item_const(&mut self, item: &'ast syn::ImplItemConst) {
        self.constant(|finder| visit::visit_impl_item_const(finder, item));
    }

    fn visit_type(&mut self, kind: &'ast syn::Type) {
        self.constant(|finder| visit::visit_type(finder, kind));
    }

    fn visit_pat(&mut self, pattern: &'ast syn::Pat) {
        self.constant(|finder| visit::visit_pat(finder, pattern));
    }

    fn visit_expr_binary(&mut self, binary: &'ast syn::ExprBinary) {
        self.binary(binary);
        visit::visit_expr_binary(self, binary);
    }

    fn visit_expr_unary(&mut self, unary: &'ast syn::ExprUnary) {
        self.unary(unary);
        visit::visit_expr_unary(self, unary);
    }

    fn visit_expr_struct(&mut self, structure: &'ast syn::ExprStruct) {
        self.fields(structure);
        visit::visit_expr_struct(self, structure);
    }

    fn visit_arm(&mut self, arm: &'ast syn::Arm) {
        self.arm(arm);
        visit::visit_arm(self, arm);
    }
}
