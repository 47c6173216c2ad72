-- Version 5. A model's name in published numbers.
ALTER TABLE model ADD COLUMN published TEXT;
