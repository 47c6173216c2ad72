-- Version 12. What the pictures of an item were: the file, by its hash, and a small picture of it, so
-- that a report shows what was asked about. A picture is kept once, whatever its files are called.
CREATE TABLE picture (
    id         INTEGER PRIMARY KEY,
    hash       TEXT NOT NULL UNIQUE,
    media_type TEXT NOT NULL,
    width      INTEGER NOT NULL CHECK (width > 0),
    height     INTEGER NOT NULL CHECK (height > 0),
    thumbnail  BLOB NOT NULL
) STRICT;
CREATE TABLE item_picture (
    item     INTEGER NOT NULL REFERENCES item (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    file     TEXT NOT NULL,
    picture  INTEGER NOT NULL REFERENCES picture (id),
    PRIMARY KEY (item, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX item_picture_by_picture ON item_picture (picture);

CREATE VIEW v_pictures AS
SELECT dataset.suite AS suite,
       dataset.hash AS data,
       item.key AS item,
       item_picture.position AS position,
       item_picture.file AS file,
       picture.hash AS hash,
       picture.media_type AS media_type,
       picture.width AS width,
       picture.height AS height,
       picture.thumbnail AS thumbnail
FROM item_picture
JOIN picture ON picture.id = item_picture.picture
JOIN item ON item.id = item_picture.item
JOIN dataset ON dataset.id = item.dataset;
