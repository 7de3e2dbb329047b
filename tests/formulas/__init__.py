"""Every displayed formula of a chapter, evaluated on its own against the chapter's own code."""
