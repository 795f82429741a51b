"""SQL tasks and table writes for dovetail over SQLAlchemy."""
