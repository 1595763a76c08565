//! The derive macros of `tfplugin`.
