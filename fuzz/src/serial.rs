/// A serial number without the zeros before it, as the crate keeps it. Zero itself is one byte.
pub fn shortest(number: &[u8]) -> &[u8] {
    let but_the_last = number.len().saturating_sub(1);
    let zeros = number[..but_the_last].iter().take_while(|byte| **byte == 0);
    &number[zeros.count()..]
}
