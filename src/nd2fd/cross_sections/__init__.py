"""Cross sections: known truths, and models that learn one."""
