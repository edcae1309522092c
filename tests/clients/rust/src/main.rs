// SPDX-License-Identifier: Apache-2.0

//! Asks for a TDX quote through the crate `configfs-tsm` and prints it.
//!
//!     troth-client HEX    report data, 64 bytes; the quote goes to standard output

use std::error::Error;
use std::io::{stdout, Write};

fn main() -> Result<(), Box<dyn Error>> {
    let given = std::env::args().nth(1).ok_or("usage: troth-client HEX")?;
    let report_data: [u8; 64] = (0..given.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(given.get(at..at + 2).unwrap_or("?"), 16))
        .collect::<Result<Vec<u8>, _>>()?
        .try_into()
        .map_err(|_| "report data is 64 bytes in hex")?;
    let quote = configfs_tsm::create_tdx_quote(report_data).map_err(|error| format!("{error:?}"))?;
    stdout().write_all(&quote)?;
    Ok(())
}
