-- Who has come is told to those who are connected to the one process that has the file.

DROP TABLE announcements;
