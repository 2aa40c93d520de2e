//! harmony (under construction)
