"""Prompt files of the formats people have, read line by line. Pure: nothing here touches the database."""
