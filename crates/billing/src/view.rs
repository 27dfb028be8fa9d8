//! One moment, of which several questions can be asked.

use std::ops::RangeBounds;
use std::sync::Arc;

use domain::Month;
use domain::catalogue::Catalogue;
use futures::{FutureExt, StreamExt, TryStreamExt, stream};

use crate::bill::Bill;
use crate::biller::{Biller, listed};
use crate::ledger::Ledger;
use crate::reckoning::{Reckoner, Revisions};

/// How many months are read at the same time: most of them wait for short questions to the store.
const BILLS_AT_ONCE: usize = 6;

/// The decisions, the revisions of the usage and the catalogue of one moment, by which all that is asked of it is answered.
pub struct View {
    pub(crate) biller: Biller,
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) ledger: Ledger,
    pub(crate) revisions: Revisions,
}

impl Biller {
    /// What there is now.
    pub async fn view(&self) -> crate::Result<View> {
        let (ledger, revisions) = self.as_of_now().await?;
        Ok(View { biller: self.clone(), catalogue: self.catalogue(), ledger, revisions })
    }

    /// The bills of the months that there are now among some, in order.
    pub async fn bills(&self, among: impl RangeBounds<Month>) -> crate::Result<Vec<Arc<Bill>>> {
        self.view().await?.bills(among).await
    }
}

impl View {
    /// The first and the last month that there are; none without any usage.
    pub fn known_months(&self) -> Option<(Month, Month)> {
        let months = listed(&self.ledger, &self.revisions);
        months.first().copied().zip(months.last().copied())
    }

    /// The bills of the months that there are among some, in order.
    pub async fn bills(&self, among: impl RangeBounds<Month>) -> crate::Result<Vec<Arc<Bill>>> {
        let Self { catalogue, ledger, revisions, .. } = self;
        let months = listed(ledger, revisions).into_iter().filter(|month| among.contains(month));
        let bill = |month| match ledger.closing(month) {
            Some(record) => self.reckoner().frozen(record).left_future(),
            None => self.reckoner().preview(catalogue, month, ledger, revisions).right_future(),
        };
        stream::iter(months).map(bill).buffered(BILLS_AT_ONCE).try_collect().await
    }

    pub(crate) fn reckoner(&self) -> &Reckoner {
        self.biller.reckoner()
    }
}
