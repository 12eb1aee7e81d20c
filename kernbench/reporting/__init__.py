"""What the records of a run say: bottlenecks, differences, pages to keep."""
