//! What kind of service something is in FOCUS 1.2, the neutral format of cost tools.

/// The closed lists of ServiceCategory and ServiceSubcategory (FOCUS 1.2).
const CATEGORIES: [(&str, &[&str]); 19] = [
    (
        "AI and Machine Learning",
        &[
            "AI Platforms",
            "Bots",
            "Generative AI",
            "Machine Learning",
            "Natural Language Processing",
            "Other (AI and Machine Learning)",
        ],
    ),
    (
        "Analytics",
        &[
            "Analytics Platforms",
            "Business Intelligence",
            "Data Processing",
            "Search",
            "Streaming Analytics",
            "Other (Analytics)",
        ],
    ),
    ("Business Applications", &["Productivity and Collaboration", "Other (Business Applications)"]),
    (
        "Compute",
        &[
            "Containers",
            "End User Computing",
            "Quantum Compute",
            "Serverless Compute",
            "Virtual Machines",
            "Other (Compute)",
        ],
    ),
    (
        "Databases",
        &[
            "Caching",
            "Data Warehouses",
            "Ledger Databases",
            "NoSQL Databases",
            "Relational Databases",
            "Time Series Databases",
            "Other (Databases)",
        ],
    ),
    (
        "Developer Tools",
        &[
            "Developer Platforms",
            "Continuous Integration and Deployment",
            "Development Environments",
            "Source Code Management",
            "Quality Assurance",
            "Other (Developer Tools)",
        ],
    ),
    ("Identity", &["Identity and Access Management", "Other (Identity)"]),
    ("Integration", &["API Management", "Messaging", "Workflow Orchestration", "Other (Integration)"]),
    ("Internet of Things", &["IoT Analytics", "IoT Platforms", "Other (Internet of Things)"]),
    (
        "Management and Governance",
        &[
            "Architecture",
            "Compliance",
            "Cost Management",
            "Data Governance",
            "Disaster Recovery",
            "Endpoint Management",
            "Observability",
            "Support",
            "Other (Management and Governance)",
        ],
    ),
    ("Media", &["Content Creation", "Gaming", "Media Streaming", "Mixed Reality", "Other (Media)"]),
    ("Migration", &["Data Migration", "Resource Migration", "Other (Migration)"]),
    ("Mobile", &["Other (Mobile)"]),
    ("Multicloud", &["Multicloud Integration", "Other (Multicloud)"]),
    (
        "Networking",
        &[
            "Application Networking",
            "Content Delivery",
            "Network Connectivity",
            "Network Infrastructure",
            "Network Routing",
            "Network Security",
            "Other (Networking)",
        ],
    ),
    (
        "Security",
        &[
            "Secret Management",
            "Security Posture Management",
            "Threat Detection and Response",
            "Other (Security)",
        ],
    ),
    (
        "Storage",
        &[
            "Backup Storage",
            "Block Storage",
            "File Storage",
            "Object Storage",
            "Storage Platforms",
            "Other (Storage)",
        ],
    ),
    ("Web", &["Application Platforms", "Other (Web)"]),
    ("Other", &["Other (Other)"]),
];

/// A ServiceSubcategory, which has exactly one ServiceCategory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServiceSubcategory {
    category: &'static str,
    name: &'static str,
}

impl ServiceSubcategory {
    /// The subcategory of FOCUS with this name; none when FOCUS has no such.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::all().find(|known| known.name == name)
    }

    /// Every subcategory, in FOCUS's order.
    pub fn all() -> impl Iterator<Item = Self> {
        CATEGORIES.iter().flat_map(|(category, names)| names.iter().map(|name| Self { category, name }))
    }

    /// The category that it is of.
    pub const fn category(self) -> &'static str {
        self.category
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        self.name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subcategory_has_one_category_and_is_called_what_focus_calls_it() {
        let of = |name: &str| ServiceSubcategory::from_name(name).map(ServiceSubcategory::category);
        assert_eq!(of("Endpoint Management"), Some("Management and Governance"));
        assert_eq!(of("Other (Compute)"), Some("Compute"));
        assert_eq!(of("Other (Other)"), Some("Other"));
        assert_eq!([of("Endpoint management"), of("Compute"), of("")], [None; 3]);
        let names: std::collections::BTreeSet<&str> =
            ServiceSubcategory::all().map(ServiceSubcategory::name).collect();
        assert_eq!((names.len(), ServiceSubcategory::all().count()), (82, 82));
    }
}
