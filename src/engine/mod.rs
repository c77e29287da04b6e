//! Timeline × clock × sessions → tallies.
