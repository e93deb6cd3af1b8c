"""PEtab problems, versions 1 and 2: from their files to checked trees."""
