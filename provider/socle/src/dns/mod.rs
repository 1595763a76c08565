//! DNS zones and their records.
