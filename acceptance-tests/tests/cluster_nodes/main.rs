//! Clusters of several nodes on real servers: what runs in them, what becomes of them when nodes come, go and die, and
//! how an apply that was killed is gone on with; and hosts whose cluster is gone.

mod faults;
mod gone;
mod life;
mod settings;
mod web;
