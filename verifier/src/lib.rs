//! The judgement: one verdict about a model from its bundle and a trust file, offline.
