use arbitrary::{Result, Unstructured};

use crate::tamper::bytes;

/// A value in DER that can be changed inside, with lengths that stay right unless they are what is changed.
#[derive(Debug, Clone)]
pub struct Node {
    tag: u8,
    contents: Contents,
    /// Length in one byte more than it needs, as BER allows.
    is_long: bool,
}

#[derive(Debug, Clone)]
enum Contents {
    Bytes(Vec<u8>),
    Nodes(Vec<Node>),
}

const OCTET_STRING: u8 = 0x04;
const CONSTRUCTED: u8 = 0x20;

/// All values, one after the other; `None` where that is not what the bytes are.
pub fn read(mut der: &[u8]) -> Option<Vec<Node>> {
    let mut nodes = Vec::new();
    while let [tag, rest @ ..] = der {
        let (length, rest) = length(rest)?;
        let (contents, rest) = rest.split_at_checked(length)?;
        nodes.push(Node::of(*tag, contents));
        der = rest;
    }
    Some(nodes)
}

fn length(der: &[u8]) -> Option<(usize, &[u8])> {
    let (first, rest) = der.split_first()?;
    match first {
        0..=0x7f => Some((usize::from(*first), rest)),
        0x81..=0x83 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 3))?;
            Some((
                digits.iter().fold(0, |all, one| all << 8 | usize::from(*one)),
                rest,
            ))
        }
        _ => None,
    }
}

impl Node {
    fn of(tag: u8, contents: &[u8]) -> Self {
        // What an extension says stands in an OCTET STRING. What is not written as we write it stays as it is.
        let inner = match tag == OCTET_STRING || tag & CONSTRUCTED != 0 {
            true => read(contents).filter(|inner| !inner.is_empty() && write(inner) == contents),
            false => None,
        };
        let contents = inner.map_or_else(|| Contents::Bytes(contents.to_vec()), Contents::Nodes);
        Self {
            tag,
            contents,
            is_long: false,
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        let contents = match &self.contents {
            Contents::Bytes(bytes) => bytes.clone(),
            Contents::Nodes(nodes) => write(nodes),
        };
        out.push(self.tag);
        let digits: Vec<u8> = contents
            .len()
            .to_be_bytes()
            .into_iter()
            .skip_while(|digit| *digit == 0)
            .collect();
        match (contents.len(), self.is_long) {
            (0..0x80, false) => out.push(contents.len() as u8),
            (_, false) => out.push(0x80 | digits.len() as u8),
            (_, true) => out.extend([0x81 + digits.len() as u8, 0]),
        }
        if self.is_long || contents.len() >= 0x80 {
            out.extend(digits);
        }
        out.extend(contents);
    }

    fn raw(bytes: &[u8]) -> Self {
        Self {
            tag: bytes.first().copied().unwrap_or(5),
            contents: Contents::Bytes(bytes.get(1..).unwrap_or_default().to_vec()),
            is_long: false,
        }
    }
}

/// As bytes again.
pub fn write(nodes: &[Node]) -> Vec<u8> {
    let mut out = Vec::new();
    nodes.iter().for_each(|node| node.write(&mut out));
    out
}

fn count(nodes: &[Node]) -> usize {
    let inner = |node: &Node| match &node.contents {
        Contents::Bytes(_) => 1,
        Contents::Nodes(nodes) => 1 + count(nodes),
    };
    nodes.iter().map(inner).sum()
}

/// Changes one of the values, wherever it stands.
///
/// # Errors
/// Those of `arbitrary`.
pub fn change(nodes: &mut Vec<Node>, choices: &mut Unstructured<'_>) -> Result<()> {
    let all = count(nodes);
    if all == 0 {
        return Ok(());
    }
    let mut left = choices.choose_index(all)?;
    change_at(nodes, &mut left, choices).map(drop)
}

/// Whether it was among these.
fn change_at(nodes: &mut Vec<Node>, left: &mut usize, choices: &mut Unstructured<'_>) -> Result<bool> {
    for place in 0..nodes.len() {
        if *left == 0 {
            change_one(nodes, place, choices)?;
            return Ok(true);
        }
        *left -= 1;
        if let Contents::Nodes(inner) = &mut nodes[place].contents
            && change_at(inner, left, choices)?
        {
            return Ok(true);
        }
    }
    Ok(false)
}

fn change_one(nodes: &mut Vec<Node>, place: usize, choices: &mut Unstructured<'_>) -> Result<()> {
    match choices.int_in_range(0..=8)? {
        0 => nodes[place].contents = Contents::Bytes(bytes(choices, 64)?.to_vec()),
        1 => nodes[place].tag = choices.arbitrary()?,
        2 => drop(nodes.remove(place)),
        3 => nodes.insert(place, nodes[place].clone()),
        4 => nodes.insert(place, Node::raw(bytes(choices, 64)?)),
        5 => {
            let other = choices.choose_index(nodes.len())?;
            nodes.swap(place, other);
        }
        6 => nodes[place].is_long = true,
        _ => {
            let mut contents = match &nodes[place].contents {
                Contents::Bytes(bytes) => bytes.clone(),
                Contents::Nodes(nodes) => write(nodes),
            };
            if !contents.is_empty() {
                let at = choices.choose_index(contents.len())?;
                contents[at] = choices.arbitrary()?;
            }
            nodes[place].contents = Contents::Bytes(contents);
        }
    }
    Ok(())
}

impl Node {
    /// The values in it; none, where it is no more than bytes.
    pub(crate) fn inner(&self) -> Vec<Self> {
        match &self.contents {
            Contents::Bytes(_) => Vec::new(),
            Contents::Nodes(nodes) => nodes.clone(),
        }
    }

    /// The same with others in it.
    pub(crate) fn with(&self, nodes: Vec<Self>) -> Self {
        Self {
            contents: Contents::Nodes(nodes),
            ..self.clone()
        }
    }

    pub(crate) fn primitive(tag: u8, bytes: Vec<u8>) -> Self {
        Self {
            tag,
            contents: Contents::Bytes(bytes),
            is_long: false,
        }
    }
}
