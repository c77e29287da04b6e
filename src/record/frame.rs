//! tmp
/// tmp
#[derive(Debug)]
pub struct Handover {
    pub worker: u32,
    pub second: u64,
    pub cells: Vec<(super::CellKey, Box<super::Cell>)>,
}
