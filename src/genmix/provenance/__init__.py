"""What a written picture says of its own making: standard metadata, and signatures on demand."""
