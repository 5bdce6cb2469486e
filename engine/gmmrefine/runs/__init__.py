"""What reads and writes runs: their record, lock and exchanges."""
