"""From a graph to the files that an app ships."""
