"""Is a plugin done? What `crm plugin check` looks at, and what it runs in processes of their own."""
